"""What is sent to the training host: the bundle, and the script that runs it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

from kennel import archives
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import bundle, hosts
from kennel.aws.training.sdk import TrainingRequest

ROOT = Path(__file__).resolve().parents[3]
STACK = Stack({"data_bucket": "data", "artifact_bucket": "models", "region": "eu-west-1"})


def script(inputs: dict[str, str] | None = None, **hyperparameters: object) -> str:
    request = TrainingRequest("dogs", hyperparameters, inputs=inputs or {})
    return hosts.script_for(STACK, request, "kennel-dev-ec2-1", "source/kennel-dev-ec2-1/kennel.tar.gz")


def test_the_script_is_posix_and_names_its_buckets() -> None:
    text = script(arch="resnet50", epochs=3)
    subprocess.run(["/bin/sh", "-n"], input=text, text=True, check=True)
    last = text.splitlines()[-1]
    assert "--data s3://data/datasets/dogs" in last
    assert "--output s3://models/training/kennel-dev-ec2-1/output" in last
    assert last.endswith("--arch resnet50 --epochs 3")
    assert "AWS_DEFAULT_REGION=eu-west-1" in text
    assert "/opt/pytorch/bin/python" in text  # where AWS's Deep Learning AMI has PyTorch and boto3


def test_what_a_person_typed_cannot_become_a_command(tmp_path: Path) -> None:
    text = script(arch=f"x; touch {tmp_path}/broken $(touch {tmp_path}/in)")
    home = tmp_path / "home"
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ntouch kennel.tar.gz\n[ "$1" = - ] || printf "%s\\n" "$@"\n')
    python.chmod(0o755)
    settings = {"PATH": "/usr/bin:/bin", "KENNEL_PYTHON": str(python), "KENNEL_HOME": str(home)}
    answer = subprocess.run(["/bin/sh"], input=text, text=True, env=settings, capture_output=True, check=True)
    assert answer.stdout.splitlines()[-1] == f"x; touch {tmp_path}/broken $(touch {tmp_path}/in)"
    assert not {"broken", "in"} & {path.name for path in tmp_path.iterdir()}


def test_uploaded_weights_are_used_and_features_that_the_host_may_not_read_are_not() -> None:
    text = script({"pretrained": "s3://data/pretrained/", "features": "s3://models/training/f/output/model/"})
    assert "--pretrained-dir s3://data/pretrained/" in text
    assert "features" not in text


def test_the_bundle_runs_by_itself_and_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    content = bundle.pack(ROOT)
    assert content == bundle.pack(ROOT)
    (tmp_path / "bundle").write_bytes(content)
    with tarfile.open(tmp_path / "bundle") as tar:
        names = tar.getnames()
    archives.unpack(tmp_path / "bundle", tmp_path)
    assert not [name for name in names if "__pycache__" in name or name.startswith((".", "build"))]
    assert (tmp_path / "kennel").stat().st_mode & 0o111
    answer = subprocess.run(
        [sys.executable, "-I", tmp_path / "ec2" / "train.py", "--data", "nowhere", "--output", "out"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stderr) == (
        1,
        "error: nowhere: no such data folder; `data.sample` draws one, `data.fetch` downloads one\n",
    )


def test_the_bundle_has_what_its_launcher_needs_to_make_an_environment(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(bundle.pack(ROOT))
    archives.unpack(tmp_path / "bundle", tmp_path)
    assert (tmp_path / "requirements.txt").is_file()
    assert (tmp_path / "requirements-uv.txt").is_file()
    setup = subprocess.run(
        [sys.executable, "-P", "-s", "-m", "bootstrap", "--help", "--"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (setup.returncode, setup.stderr) == (0, "")
