"""What is sent to the training host: the bundle, and the script that runs it."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from kennel.aws import artifacts, bundle, hosts
from kennel.aws.hosts import HostRequest
from kennel.aws.stack import Stack

ROOT = Path(__file__).resolve().parents[3]
STACK = Stack({"data_bucket": "data", "artifact_bucket": "models", "region": "eu-west-1"})


def script(monkeypatch: pytest.MonkeyPatch, weights: list[str], **hyperparameters: object) -> str:
    monkeypatch.setattr(artifacts, "objects", lambda bucket, prefix: {key: {} for key in weights})
    request = HostRequest("dogs", hyperparameters)
    return hosts.script_for(STACK, request, "kennel-dev-ec2-1", "source/kennel-dev-ec2-1/kennel.tar.gz")


def test_the_script_is_posix_and_names_its_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    text = script(monkeypatch, [], arch="resnet50", epochs=3)
    subprocess.run(["/bin/sh", "-n"], input=text, text=True, check=True)
    last = text.splitlines()[-1]
    assert "--data s3://data/datasets/dogs" in last
    assert "--output s3://models/training/kennel-dev-ec2-1/output" in last
    assert last.endswith("--arch resnet50 --epochs 3")
    assert "AWS_DEFAULT_REGION=eu-west-1" in text
    assert "/opt/pytorch/bin/python" in text  # where AWS's Deep Learning AMI has PyTorch and boto3


def test_what_a_person_typed_cannot_become_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = script(monkeypatch, [], arch=f"x; touch {tmp_path}/broken $(touch {tmp_path}/in)")
    home = tmp_path / "home"
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ntouch kennel.tar.gz\n[ "$1" = - ] || printf "%s\\n" "$@"\n')
    python.chmod(0o755)
    settings = {"PATH": "/usr/bin:/bin", "KENNEL_PYTHON": str(python), "KENNEL_HOME": str(home)}
    answer = subprocess.run(["/bin/sh"], input=text, text=True, env=settings, capture_output=True, check=True)
    assert answer.stdout.splitlines()[-1] == f"x; touch {tmp_path}/broken $(touch {tmp_path}/in)"
    assert not {"broken", "in"} & {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("weights", "used"),
    [
        ([], False),
        (["pretrained/resnet50-11ad3fa6.pth"], True),
        (["pretrained/efficientnet_lite0.pth"], False),
        (["pretrained/resnet50/weights.pth"], False),
        (["pretrained/readme.txt"], False),
    ],
)
def test_uploaded_weights_are_used_where_they_are_for_the_network(
    monkeypatch: pytest.MonkeyPatch, weights: list[str], used: bool
) -> None:
    text = script(monkeypatch, weights, arch="resnet50")
    assert ("--pretrained-dir s3://data/pretrained" in text) == used


def test_the_bundle_runs_by_itself_and_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    content = bundle.pack(ROOT)
    assert content == bundle.pack(ROOT)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        names = tar.getnames()
        tar.extractall(tmp_path, filter="data")
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
