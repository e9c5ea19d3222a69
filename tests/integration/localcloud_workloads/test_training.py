"""Training jobs on the local cloud: they run, log, measure, upload, fail and stop as SageMaker's do."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import jobs as stack_jobs
from kennel.aws.training import logs

from .conftest import Stage, eventually, tarred

SAGEMAKER = "sagemaker.amazonaws.com"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
FINAL_STATUSES = ("Completed", "Failed", "Stopped")


class Jobs:
    """Creates small script-mode jobs and waits for them."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.sagemaker, self.s3 = stage, stage.client("sagemaker"), stage.client("s3")
        self.bucket = stage.bucket()
        self.s3.put_object(Bucket=self.bucket, Key="data/train/a.txt", Body=b"hello")
        self.s3.put_object(Bucket=self.bucket, Key="data/train/sub/b.txt", Body=b"hello again")

    def create(
        self,
        script: str,
        role: str | None = None,
        hosts: int = 1,
        files: dict[str, str] | None = None,
        **extra: Any,
    ) -> str:
        name = f"job-{uuid.uuid4().hex[:8]}"
        source = tarred({"train.py": script, **(files or {})})
        self.s3.put_object(Bucket=self.bucket, Key=f"source/{name}/sourcedir.tar.gz", Body=source)
        hyperparameters = {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(f"s3://{self.bucket}/source/{name}/sourcedir.tar.gz"),
            **extra.pop("HyperParameters", {}),
        }
        self.sagemaker.create_training_job(
            **{
                "TrainingJobName": name,
                "RoleArn": role or self.stage.role(SAGEMAKER),
                "AlgorithmSpecification": {
                    "TrainingImage": IMAGE,
                    "TrainingInputMode": "File",
                    "MetricDefinitions": [{"Name": "valid:loss", "Regex": r"loss=([0-9.]+);"}],
                },
                "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/out"},
                "ResourceConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": hosts,
                    "VolumeSizeInGB": 10,
                },
                "StoppingCondition": {"MaxRuntimeInSeconds": 300},
                "HyperParameters": hyperparameters,
                "InputDataConfig": [
                    {
                        "ChannelName": "training",
                        "DataSource": {
                            "S3DataSource": {
                                "S3DataType": "S3Prefix",
                                "S3Uri": f"s3://{self.bucket}/data/train",
                                "S3DataDistributionType": "FullyReplicated",
                            }
                        },
                    }
                ],
                **extra,
            }
        )
        return name

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return answer

    def end(self, name: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            job = self.describe(name)
            return job if job["TrainingJobStatus"] in FINAL_STATUSES else None

        job: dict[str, Any] = eventually(ended, 60)
        return job

    def archive(self, name: str, file: str = "model.tar.gz") -> dict[str, str]:
        body = self.s3.get_object(Bucket=self.bucket, Key=f"out/{name}/output/{file}")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as bundle:
            members = [m for m in bundle.getmembers() if m.isfile()]
            return {m.name: bundle.extractfile(m).read().decode() for m in members}  # type: ignore[union-attr]

    def log(self, name: str) -> list[str]:
        return self.stage.log_lines(LOG_GROUP, f"{name}/")


@pytest.fixture(scope="module")
def jobs(stage: Stage) -> Jobs:
    return Jobs(stage)


DESCRIBES_ITSELF = """
import argparse, json, os
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--arch")
parser.add_argument("--batch-size", type=int)
options = parser.parse_args()
channel = Path(os.environ["SM_CHANNEL_TRAINING"])
files = sorted(str(p.relative_to(channel)) for p in channel.rglob("*.txt"))
report = {"options": vars(options), "files": files,
        "hosts": json.loads(os.environ["SM_HOSTS"]), "host": os.environ["SM_CURRENT_HOST"],
        "custom": os.environ["CUSTOM"], "cwd": os.getcwd(), "resources": json.loads(
            Path(os.environ["SM_INPUT_CONFIG_DIR"], "resourceconfig.json").read_text())}
Path(os.environ["SM_MODEL_DIR"], "report.json").write_text(json.dumps(report))
Path(os.environ["SM_OUTPUT_DATA_DIR"], "extra.txt").write_text("more")
print("epoch=1; loss=0.75;"); print("epoch=2; loss=0.5;")
"""


def test_a_job_trains_and_uploads_its_model(jobs: Jobs) -> None:
    hyperparameters = {"lr": "0.1", "arch": json.dumps("resnet50"), "batch-size": "64"}
    name = jobs.create(DESCRIBES_ITSELF, HyperParameters=hyperparameters, Environment={"CUSTOM": "/opt/ml/x"})
    job = jobs.end(name)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), jobs.log(name))
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{jobs.bucket}/out/{name}/output/model.tar.gz"
    report = json.loads(jobs.archive(name)["report.json"])
    assert report["options"] == {"lr": 0.1, "arch": "resnet50", "batch_size": 64}
    assert report["files"] == ["a.txt", "sub/b.txt"]
    assert report["hosts"] == ["algo-1"]
    assert report["resources"]["current_instance_type"] == "ml.m5.large"
    assert report["custom"] == str(jobs.stage.directory / "jobs" / name / "algo-1" / "x")
    assert jobs.archive(name, "output.tar.gz") == {"extra.txt": "more"}
    metrics = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
    assert metrics == {"valid:loss": 0.5}
    assert [t["Status"] for t in job["SecondaryStatusTransitions"]] == [
        *("Starting", "Downloading", "Training", "Uploading", "Completed")
    ]
    assert jobs.log(name)[-2:] == ["epoch=1; loss=0.75;", "epoch=2; loss=0.5;"]
    listed = jobs.sagemaker.list_training_jobs(StatusEquals="Completed", NameContains=name)
    assert [entry["TrainingJobName"] for entry in listed["TrainingJobSummaries"]] == [name]
    hour, created = timedelta(hours=1), job["CreationTime"]
    for asked, limit in (("CreationTimeBefore", created - hour), ("LastModifiedTimeAfter", created + hour)):
        listed = jobs.sagemaker.list_training_jobs(**{"NameContains": name, asked: limit})
        assert listed["TrainingJobSummaries"] == []
    listed = jobs.sagemaker.list_training_jobs(NameContains=name, CreationTimeAfter=created - hour)
    assert [entry["TrainingJobName"] for entry in listed["TrainingJobSummaries"]] == [name]


def test_logs_and_metrics_come_while_it_runs(jobs: Jobs) -> None:
    name = jobs.create("import time; print('loss=0.25;'); time.sleep(300)")
    eventually(lambda: "loss=0.25;" in jobs.log(name))
    job = jobs.describe(name)
    assert job["TrainingJobStatus"] == "InProgress"
    assert job["SecondaryStatus"] == "Training"
    eventually(lambda: jobs.describe(name).get("FinalMetricDataList"))
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    assert jobs.end(name)["TrainingJobStatus"] == "Stopped"


def test_a_job_that_exits_3_fails_with_its_reason(jobs: Jobs) -> None:
    script = """
import os, sys
from pathlib import Path
Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("there are no dogs")
sys.exit(3)
"""
    job = jobs.end(jobs.create(script))
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: there are no dogs, exit code: 3"


def test_a_long_reason_keeps_its_exit_code(jobs: Jobs) -> None:
    script = (
        "import os, sys; open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('x' * 5000); sys.exit(3)"
    )
    reason = jobs.end(jobs.create(script))["FailureReason"]
    assert len(reason) == 1024
    assert reason.endswith("x, exit code: 3")


def test_a_job_killed_by_a_signal_says_so(jobs: Jobs) -> None:
    job = jobs.end(jobs.create("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert job["FailureReason"].endswith("exit code: 137")


def test_a_role_without_get_object_fails_the_job_in_awss_words(jobs: Jobs) -> None:
    statements = [
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:PutObject", "logs:*"], "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{jobs.bucket}/source/*"},
    ]
    role = jobs.stage.role(SAGEMAKER, statements)
    job = jobs.end(jobs.create("print('never')", role=role))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        "ClientError: Data download failed:AccessDenied (403): User: arn:aws:sts::"
    )
    assert "s3:GetObject" in job["FailureReason"]
    assert jobs.log(job["TrainingJobName"]) == []


def test_a_role_without_put_object_cannot_upload(jobs: Jobs) -> None:
    reading = [{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject", "logs:*"], "Resource": "*"}]
    job = jobs.end(jobs.create("print('trained')", role=jobs.stage.role(SAGEMAKER, reading)))
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:AccessDenied (403)")


def test_a_role_that_sagemaker_may_not_assume_is_refused_at_once(jobs: Jobs) -> None:
    with pytest.raises(jobs.sagemaker.exceptions.ClientError, match="Could not assume role") as caught:
        jobs.create("print('never')", role=jobs.stage.role("ec2.amazonaws.com"))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_an_empty_channel_is_named(jobs: Jobs) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.bucket}/nowhere"}
    channels = [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}]
    job = jobs.end(jobs.create("print('never')", InputDataConfig=channels))
    assert f'No S3 objects found under S3 URL "s3://{jobs.bucket}/nowhere"' in job["FailureReason"]


def test_stop_gives_the_script_time_and_keeps_its_model(jobs: Jobs) -> None:
    script = """
import os, signal, sys, time
from pathlib import Path
def save(*_):
    time.sleep(0.3)
    Path(os.environ["SM_MODEL_DIR"], "partial.txt").write_text("half trained")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready"); time.sleep(300)
"""
    name = jobs.create(script)
    eventually(lambda: "ready" in jobs.log(name))
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    job = jobs.end(name)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert jobs.archive(name) == {"partial.txt": "half trained"}
    with pytest.raises(jobs.sagemaker.exceptions.ClientError, match="is in status Stopped"):
        jobs.sagemaker.stop_training_job(TrainingJobName=name)


def test_the_time_limit_is_kept(jobs: Jobs) -> None:
    name = jobs.create("import time; time.sleep(300)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = jobs.end(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_checkpoints_go_to_s3_and_come_back(jobs: Jobs) -> None:
    script = """
import os
from pathlib import Path
folder = Path(os.environ["CHECKPOINTS"]); mark = folder / "epoch.txt"
epoch = int(mark.read_text()) + 1 if mark.exists() else 1
mark.write_text(str(epoch)); print(f"loss={epoch};")
"""
    extra = {
        "CheckpointConfig": {
            "S3Uri": f"s3://{jobs.bucket}/checkpoints/x",
            "LocalPath": "/opt/ml/checkpoints",
        },
        "Environment": {"CHECKPOINTS": "/opt/ml/checkpoints"},
    }
    for epoch in (1, 2):
        job = jobs.end(jobs.create(script, **extra))
        assert job["FinalMetricDataList"][0]["Value"] == epoch
    body = jobs.s3.get_object(Bucket=jobs.bucket, Key="checkpoints/x/epoch.txt")["Body"].read()
    assert body == b"2"


def test_two_hosts_see_each_other_and_both_models_are_kept(jobs: Jobs) -> None:
    script = """
import json, os
from pathlib import Path
host = os.environ["SM_CURRENT_HOST"]
Path(os.environ["SM_MODEL_DIR"], host + ".txt").write_text(os.environ["SM_HOSTS"])
Path(os.environ["SM_MODEL_DIR"], "both.txt").write_text(host); print("I am", host)
"""
    name = jobs.create(script, hosts=2)
    assert jobs.end(name)["TrainingJobStatus"] == "Completed"
    hosts = '["algo-1", "algo-2"]'
    assert jobs.archive(name) == {"algo-1.txt": hosts, "algo-2.txt": hosts, "both.txt": "algo-1"}
    assert sorted(jobs.log(name)) == ["I am algo-1", "I am algo-2"]


def test_one_failing_host_ends_the_other(jobs: Jobs) -> None:
    script = """
import os, sys, time
if os.environ["SM_CURRENT_HOST"] == "algo-2": sys.exit(9)
time.sleep(300)
"""
    job = jobs.end(jobs.create(script, hosts=2))
    assert job["FailureReason"].endswith("exit code: 9")


def test_the_reason_is_that_of_the_host_that_failed_first(jobs: Jobs) -> None:
    script = """
import os, socket, sys, time
from pathlib import Path
meeting = Path(os.environ["SM_MODEL_DIR"]).parents[1] / "meeting"
if os.environ["SM_CURRENT_HOST"] == "algo-1":
    server = socket.create_server(("127.0.0.1", 0)); meeting.write_text(str(server.getsockname()[1]))
    server.accept()[0].recv(1)  # until the other fails
    sys.exit("connection closed by peer")
while not (meeting.exists() and meeting.read_text()): time.sleep(0.01)
line = socket.create_connection(("127.0.0.1", int(meeting.read_text())))
Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("the disk is full")
line.close(); time.sleep(1)  # as a launcher does over its worker's end
sys.exit(3)
"""
    job = jobs.end(jobs.create(script, hosts=2))
    assert job["FailureReason"] == "AlgorithmError: the disk is full, exit code: 3"


def test_an_uncompressed_model_is_a_folder(jobs: Jobs) -> None:
    script = """
import os
from pathlib import Path
folder = Path(os.environ["SM_MODEL_DIR"], "rows"); folder.mkdir()
(folder / os.environ["SM_CURRENT_HOST"]).write_text("features")
Path(os.environ["SM_OUTPUT_DATA_DIR"], "extra.txt").write_text("more")
"""
    output = {"S3OutputPath": f"s3://{jobs.bucket}/out", "CompressionType": "NONE"}
    name = jobs.create(script, hosts=2, OutputDataConfig=output)
    assert jobs.end(name)["ModelArtifacts"]["S3ModelArtifacts"] == (
        f"s3://{jobs.bucket}/out/{name}/output/model/"
    )
    objects = jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix=f"out/{name}/output/")["Contents"]
    assert [entry["Key"].partition("output/")[2] for entry in objects] == [
        "data/extra.txt",
        "model/rows/algo-1",
        "model/rows/algo-2",
    ]


def test_the_same_name_twice_is_refused(jobs: Jobs) -> None:
    name = jobs.create("pass")
    parameters = {k: v for k, v in jobs.describe(name).items() if k in ("AlgorithmSpecification", "RoleArn")}
    with pytest.raises(jobs.sagemaker.exceptions.ResourceInUse):
        jobs.sagemaker.create_training_job(
            TrainingJobName=name,
            **parameters,
            OutputDataConfig={"S3OutputPath": "s3://x/y"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 1},
        )
    jobs.end(name)


def test_an_image_without_a_program_is_explained(jobs: Jobs) -> None:
    empty = json.dumps("")
    with pytest.raises(
        jobs.sagemaker.exceptions.ClientError, match=r"program of the image .*sagemaker_program"
    ):
        jobs.create("pass", HyperParameters={"sagemaker_program": empty, "sagemaker_submit_directory": empty})


def test_hundreds_of_small_photos_take_seconds(jobs: Jobs) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        for number in range(300):
            pool.submit(jobs.s3.put_object, Bucket=jobs.bucket, Key=f"many/{number}.jpg", Body=bytes(20_000))
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.bucket}/many"}
    channels = [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}]
    script = "import os; print(f\"loss={len(os.listdir(os.environ['SM_CHANNEL_TRAINING']))};\")"
    job = jobs.end(jobs.create(script, InputDataConfig=channels))
    assert job["FinalMetricDataList"][0]["Value"] == 300
    spent = {
        t["Status"]: (t["EndTime"] - t["StartTime"]).total_seconds()
        for t in job["SecondaryStatusTransitions"]
    }
    assert spent["Downloading"] < 15


def test_the_jobs_folder_has_no_photos_left(jobs: Jobs) -> None:
    name = jobs.create("print('done')")
    jobs.end(name)
    host = Path(jobs.stage.directory / "jobs" / name / "algo-1")
    eventually(lambda: not (host / "input/data/training").exists())
    assert (host / "input/config/hyperparameters.json").exists()


def test_more_hosts_than_this_machine_bears_exceed_a_quota(jobs: Jobs) -> None:
    quota = r"is \d+ Instances, with current utilization of 0 Instances"
    with pytest.raises(jobs.sagemaker.exceptions.ClientError, match=quota) as caught:
        jobs.create("print('never')", hosts=99)
    assert caught.value.response["Error"]["Code"] == "ResourceLimitExceeded"


WAITS = """
import time
print("ready", flush=True)
while True: time.sleep(1)
"""


def test_the_tasks_follow_a_jobs_log_to_its_end_and_stop_it(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in jobs.stage.environment.items():
        monkeypatch.setenv(name, value)
    role = jobs.stage.role(SAGEMAKER)
    job = jobs.create(WAITS, role=role)
    stack = Stack(
        {
            "name": "job",
            "artifact_bucket": jobs.bucket,
            "roles": {"training": role},
            "training": {"log_group": LOG_GROUP},
        }
    )
    lines: list[str] = []
    stopped: list[tuple[stack_jobs.Job, bool]] = []

    def wait(_: float) -> None:
        if "ready" in lines and not stopped:
            stopped.append(stack_jobs.stop(stack, job))
        time.sleep(0.1)

    for line in logs.Reader(logs.source_of(stack, job)).follow(wait):
        lines.append(line.text)

    assert "ready" in lines
    assert (stopped[0][0].status, stopped[0][1]) == ("Stopped", True)
    assert (stack_jobs.stop(stack, job)[0].status, stack_jobs.stop(stack, job)[1]) == ("Stopped", False)
    (listed,) = stack_jobs.newest(stack)
    assert (listed.name, listed.status) == (job, "Stopped")
    assert listed.seconds is not None
