"""Who is refused, and what the record says then; tests/e2e/test_sleeping.py has the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from kennel.aws import StackError
from kennel.aws.deployment import deployment_record, live_endpoint, proof_endpoint, sleeping, workbenches
from kennel.aws.deployment.deployment_record import Asleep, Deployment, DeploymentRecord
from kennel.aws.infrastructure import deploy_lock
from kennel.aws.infrastructure import stack as infrastructure
from kennel.aws.infrastructure.changes import Changes
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace

ONE = DeploymentRecord().with_next(Deployment("r-1", "d", "s3://artifacts/m", "image", 1))


planned_for: list[Any] = []
"""The records that plans were made for; None: the one on AWS."""


def silent(_: str) -> None:
    """Discard progress."""


def agree(_: Changes, __: list[str]) -> None:
    """Agree to a plan."""


@pytest.fixture
def awake(stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Workspace, Stack]:
    """Return a stack with a deployment, a notebook and a host, whose plans are empty."""
    planned_for.clear()

    @contextmanager
    def planned(*_: Any, **options: Any) -> Iterator[Any]:
        planned_for.append(options["record"])
        yield SimpleNamespace(changes=Changes(), apply=None)

    @contextmanager
    def held(*_: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(infrastructure, "planned", planned)
    monkeypatch.setattr(deploy_lock, "held", held)
    monkeypatch.setattr(live_endpoint, "settled", lambda *_: None)
    monkeypatch.setattr(proof_endpoint, "clear", lambda *_: [])
    ec2, sagemaker = boto3.client("ec2"), boto3.client("sagemaker")
    (host,) = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    sagemaker.create_notebook_instance(
        NotebookInstanceName="nb", InstanceType="ml.t3.medium", RoleArn="arn:aws:iam::123456789012:role/r"
    )
    deployment_record.write(stack, ONE)
    outputs = {"notebook": {"name": "nb"}, "training_host": {"instance_id": host["InstanceId"]}}
    return Workspace("local", tmp_path), Stack({**stack.outputs, **outputs})


def test_machines_that_run_are_stopped_and_started_again_by_what_the_record_says(
    awake: tuple[Workspace, Stack],
) -> None:
    workspace, stack = awake
    both = ["notebook", "training_host"]
    assert sleeping.sleep(workspace, stack, agree, silent)["workbenches"] == both
    assert workbenches.running(stack) == []
    # Somebody starts one: the next sleep stops it, and wakes as many as before.
    workbenches.start(stack, ["notebook"], silent)
    assert sleeping.sleep(workspace, stack, agree, silent)["workbenches"] == ["notebook"]
    record = deployment_record.read(stack)
    assert record.asleep == Asleep(tuple(both))
    assert record.current == ONE.current
    assert workbenches.start(stack, both, silent) == both


def test_what_is_refused_was_planned_and_never_written(
    awake: tuple[Workspace, Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, stack = awake
    written: list[DeploymentRecord] = []
    monkeypatch.setattr(deployment_record, "write", lambda _, record: written.append(record))

    def refuse(_: Changes, names: list[str]) -> None:
        assert names == ["notebook", "training_host"]
        raise StackError("nothing was changed")

    with pytest.raises(StackError, match=r"nothing was changed$"):
        sleeping.sleep(workspace, stack, refuse, silent)
    assert [record["asleep"] for record in planned_for] == [{"stopped": ["notebook", "training_host"]}]
    assert written == []
    assert deployment_record.read(stack) == ONE
    assert workbenches.running(stack) == ["notebook", "training_host"]


@pytest.mark.parametrize("killed_at", ["review", "stop"])
def test_what_was_killed_is_gone_on_with(
    awake: tuple[Workspace, Stack], monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    workspace, stack = awake

    def killed(*_: Any) -> None:
        assert (deployment_record.read(stack).asleep is None) == (killed_at == "review")
        raise KeyboardInterrupt

    stop = workbenches.stop
    if killed_at == "stop":
        monkeypatch.setattr(workbenches, "stop", killed)
    with pytest.raises(KeyboardInterrupt):
        sleeping.sleep(workspace, stack, killed if killed_at == "review" else agree, silent)
    monkeypatch.setattr(workbenches, "stop", stop)
    assert (deployment_record.read(stack).asleep is None) == (killed_at == "review")
    assert sleeping.sleep(workspace, stack, agree, silent)["workbenches"] == ["notebook", "training_host"]
    assert deployment_record.read(stack).asleep == Asleep(("notebook", "training_host"))
    assert (planned_for[-1] is None) == (killed_at == "stop"), "a record that is written is planned as it is"


def test_an_apply_that_fails_names_the_task_that_goes_on(
    awake: tuple[Workspace, Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, stack = awake

    def fail(*_: Any) -> None:
        raise StackError("SageMaker is busy")

    monkeypatch.setattr(workbenches, "stop", fail)
    with pytest.raises(StackError, match=r"SageMaker is busy; \./kennel stack\.sleep goes on from here"):
        sleeping.sleep(workspace, stack, agree, silent)
    assert deployment_record.read(stack).asleep is not None


def test_a_host_that_is_at_work_is_not_stopped(
    awake: tuple[Workspace, Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, stack = awake
    monkeypatch.setattr(workbenches.hosts, "running_commands", lambda _: ["c-1"])
    with pytest.raises(StackError, match=r"1 command\(s\) run on the training host i-.*: wait for the end"):
        sleeping.sleep(workspace, stack, agree, silent)
    assert deployment_record.read(stack) == ONE
