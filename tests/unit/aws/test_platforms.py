"""The image of a training job, and tasks that need what is switched off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.aws import StackError, platforms
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace
from kennel.aws.training import hosts
from kennel.aws.training.sdk import TrainingRequest

TABLE = json.loads((Path(__file__).resolve().parents[3] / "terraform" / "images.json").read_text())


@pytest.mark.parametrize(
    ("instance_type", "accelerator"),
    [
        ("ml.m5.xlarge", "cpu"),
        ("ml.c7i.large", "cpu"),
        ("ml.g4dn.xlarge", "gpu"),
        ("ml.g6e.2xlarge", "gpu"),
        ("ml.gr6.4xlarge", "gpu"),
        ("ml.p5.48xlarge", "gpu"),
    ],
)
def test_a_job_has_the_image_of_its_instance_type(instance_type: str, accelerator: str) -> None:
    images = {
        "by_accelerator": {"cpu": "cpu", "gpu": "gpu"},
        "gpu_instance_types": TABLE["gpu_instance_types"],
    }
    assert platforms.training_image(Stack({"training_images": images}), instance_type) == accelerator


def test_what_is_switched_off_is_refused_with_its_setting() -> None:
    # `terraform output -json` leaves out what is null.
    stack = Stack({"name": "kennel-dev", "training_host": {"instance_id": "i-1"}})
    assert platforms.workbench(stack, "training_host") == {"instance_id": "i-1"}
    with pytest.raises(StackError) as refusal:
        platforms.workbench(stack, "notebook")
    assert str(refusal.value) == (
        "the notebook instance of kennel-dev is switched off: set notebook = { enabled = true } in "
        "terraform/environments/dev.tfvars, then run ./kennel stack.apply --env dev"
    )


def test_training_on_a_host_that_is_switched_off_uploads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads: list[Any] = []
    monkeypatch.setattr(hosts.bundle, "publish", lambda *arguments: uploads.append(arguments))
    stack = Stack({"name": "kennel-dev"})
    with pytest.raises(StackError, match="the EC2 host of kennel-dev is switched off"):
        hosts.train(Workspace("dev", tmp_path), stack, TrainingRequest("dogs"))
    assert uploads == []
