"""Jobs of other people's code, as AWS documents its training toolkit and the containers' folders."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Stage
from .test_processing import Processing
from .test_training import Jobs


@pytest.fixture(scope="module")
def jobs(stage: Stage) -> Jobs:
    return Jobs(stage)


REQUIRES = """
import json, os, subprocess, sys
from importlib import metadata
import dogs
report = {"dogs": dogs.version, "boto3": metadata.version("boto3"), "prefix": sys.prefix}
subprocess.run([sys.executable, "-m", "pip", "install", "./cats"], check=True)
report["cats"] = subprocess.run([sys.executable, "-c", "import cats; print(cats.sound)"],
    check=True, capture_output=True, text=True).stdout.strip()
with open(os.path.join(os.environ["SM_MODEL_DIR"], "report.json"), "w") as file:
    json.dump(report, file)
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# The smallest build backend that pip accepts: nothing is fetched for it.
BACKEND = """
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "NAME-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("NAME/__init__.py", "sound = 'meow'; version = '1.0'")
        wheel.writestr("NAME-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: NAME\\nVersion: 1.0\\n")
        tags = "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr("NAME-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\n" + tags)
        wheel.writestr("NAME-1.0.dist-info/RECORD", "")
    return name
"""


def package(name: str) -> dict[str, str]:
    """Return the files of a package's source."""
    return {f"{name}/pyproject.toml": PROJECT, f"{name}/backend.py": BACKEND.replace("NAME", name)}


def test_what_a_job_requires_is_installed_for_it_alone(jobs: Jobs) -> None:
    files = {"requirements.txt": "./dogs\n", **package("dogs"), **package("cats")}
    name = jobs.create(REQUIRES, files=files, Environment={"PIP_NO_INDEX": "1"})
    job = jobs.end(name)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), jobs.log(name))
    report = json.loads(jobs.archive(name)["report.json"])
    assert (report["dogs"], report["cats"]) == ("1.0", "meow")
    assert report["boto3"] == metadata.version("boto3")  # what it does not install is Kennel's
    assert Path(report["prefix"]).is_relative_to(jobs.stage.directory / "jobs" / name)
    for installed in ("dogs", "cats"):
        with pytest.raises(metadata.PackageNotFoundError):
            metadata.version(installed)


# As in AWS's examples: paths written out, hosts by name, and what PyTorch's own image prepares.
MEETS = """
import json, os, socket, sys
hosts = json.loads(os.environ["SM_HOSTS"])
rank = hosts.index(os.environ["SM_CURRENT_HOST"])
port = int(os.environ["MASTER_PORT"])
if rank == 0:
    server = socket.create_server((os.environ["MASTER_ADDR"], port))
    met = server.accept()[0].recv(100).decode()
else:
    while True:
        try: client = socket.create_connection((hosts[0], port)); break
        except ConnectionRefusedError: pass
    client.sendall(b"hello from " + os.environ["SM_CURRENT_HOST"].encode())
    met = socket.gethostbyname("algo-1")
with open("/opt/ml/input/config/resourceconfig.json") as file:
    name = json.load(file)["current_host"]
built = "/opt" + "/ml/model/by-hand.txt"
try: open(built, "w"); refusal = ""
except FileNotFoundError as error: refusal = str(error)
with open(f"/opt/ml/model/{name}.json", "w") as file:
    json.dump({"met": met, "refusal": refusal, "data": os.listdir("/opt/ml/input/data/training")}, file)
"""


def test_hosts_meet_and_the_containers_paths_work_or_are_refused(jobs: Jobs) -> None:
    name = jobs.create(MEETS, hosts=2)
    job = jobs.end(name)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), jobs.log(name))
    reports = {file: json.loads(text) for file, text in jobs.archive(name).items()}
    assert reports["algo-1.json"]["met"] == "hello from algo-2"
    assert reports["algo-2.json"]["met"] == "127.0.0.1"
    for host in ("algo-1", "algo-2"):
        assert sorted(reports[f"{host}.json"]["data"]) == ["a.txt", "sub"]
        place = jobs.stage.directory / "jobs" / name / host
        assert f"/opt/ml is here {place}; paths" in reports[f"{host}.json"]["refusal"]


def test_images_that_do_not_run_are_refused_by_name_when_the_job_is_created(jobs: Jobs) -> None:
    image = "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"
    for hyperparameters in ({}, {"num_classes": "133"}):
        specification = {"TrainingImage": image, "TrainingInputMode": "File"}
        refusal = pytest.raises(ClientError, match=f"ValidationException.*{image}.*pytorch-training:")
        with refusal:
            jobs.create("", AlgorithmSpecification=specification, HyperParameters=hyperparameters)


# What a container without a network tries all the same; the address is one of those for documentation.
CALLS_OUT = """
import json, os, socket, urllib.request
import boto3
report = {"keys": sorted(name for name in os.environ if "KEY" in name or "TOKEN" in name)}
report["endpoint"], report["region"] = os.environ.get("AWS_ENDPOINT_URL"), os.environ["AWS_REGION"]
report["credentials"] = boto3.Session().get_credentials() is not None
def attempt(name, action):
    try: report[name] = action() and "reached"
    except Exception as error: report[name] = f"{type(error).__name__}: {error}"
outside = os.environ["OUTSIDE"] == "asked"
attempt("address", lambda: outside and socket.create_connection(("192.0.2.1", 80), timeout=5))
attempt("datagram", lambda: outside and socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)))
attempt("name", lambda: outside and urllib.request.urlopen("http://example.com/", timeout=5))
attempt("cloud", lambda: socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), timeout=5))
from botocore import UNSIGNED
from botocore.config import Config
anonymous = boto3.client("s3", config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}))
attempt("s3", lambda: anonymous.list_objects_v2(Bucket="b"))
server = socket.create_server(("127.0.0.1", 0))
attempt("beside", lambda: socket.create_connection(("localhost", server.getsockname()[1]), timeout=5))
with open(os.path.join(os.environ["FOLDER"], "report.json"), "w") as file:
    json.dump(report, file)
"""


def check_isolated(report: dict[str, Any]) -> None:
    assert (report["keys"], report["endpoint"], report["region"]) == ([], None, "us-east-1")
    assert report["credentials"] is False
    for name in ("address", "datagram", "cloud"):
        assert "Network is unreachable: network isolation is enabled" in report[name], report
    assert "name resolution: network isolation is enabled, and example.com is outside" in report["name"]
    assert report["s3"].startswith("EndpointConnectionError"), report
    assert report["beside"] == "reached"


def port_of(stage: Stage) -> str:
    return stage.environment["AWS_ENDPOINT_URL"].rpartition(":")[2]


def test_an_isolated_training_job_has_no_credentials_and_reaches_its_own_hosts_only(jobs: Jobs) -> None:
    for isolated in (True, False):
        outside = "asked" if isolated else "left alone"
        variables = {"FOLDER": "/opt/ml/model", "PORT": port_of(jobs.stage), "OUTSIDE": outside}
        name = jobs.create(CALLS_OUT, EnableNetworkIsolation=isolated, Environment=variables)
        job = jobs.end(name)
        assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), jobs.log(name))
        assert job["EnableNetworkIsolation"] is isolated
        report = json.loads(jobs.archive(name)["report.json"])
        if isolated:
            check_isolated(report)
        else:
            assert (report["credentials"], report["cloud"]) == (True, "reached")
    met = jobs.create(MEETS, hosts=2, EnableNetworkIsolation=True)
    assert jobs.end(met)["TrainingJobStatus"] == "Completed", jobs.log(met)
    needs = jobs.create(
        "", files={"requirements.txt": "kennel-has-no-such-package\n"}, EnableNetworkIsolation=True
    )
    assert jobs.end(needs)["TrainingJobStatus"] == "Failed"
    assert any("No matching distribution" in line for line in jobs.log(needs))


def test_an_isolated_processing_job_has_no_credentials_either(stage: Stage) -> None:
    processing = Processing(stage)
    processing.s3.put_object(Bucket=processing.bucket, Key="code/count.py", Body=CALLS_OUT.encode())
    folder = "/opt/ml/processing/output/report"
    job = processing.create(
        NetworkConfig={"EnableNetworkIsolation": True},
        Environment={"FOLDER": folder, "PORT": port_of(stage), "OUTSIDE": "asked"},
    )
    assert processing.end(job)["ProcessingJobStatus"] == "Completed"
    answer = processing.s3.get_object(Bucket=processing.bucket, Key=f"out/{job}/report.json")
    check_isolated(json.load(answer["Body"]))
