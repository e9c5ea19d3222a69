"""Jobs of other people's code, as AWS documents its training toolkit and the containers' folders."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from .conftest import Stage
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
