"""One deployment at a time; the lock of a killed one on this machine is taken over, any other is not."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from kennel.aws import StackError, session, silent
from kennel.aws.infrastructure import deploy_lock, state_bucket
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace

HELD_ELSEWHERE = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def workspace(stack: Stack, tmp_path: Path) -> Workspace:
    """Return a workspace whose account has a state bucket."""
    session.forget()
    workspace = Workspace("local", tmp_path / "stack")
    boto3.client("s3").create_bucket(Bucket=state_bucket.backend(workspace)["bucket"])
    return workspace


def hold(workspace: Workspace, operation: str = "deploy r-000000000001") -> deploy_lock.DeployLock | None:
    with deploy_lock.held(workspace, operation, silent) as abandoned:
        lock = deploy_lock.current(workspace)
        assert lock is not None
        assert lock.operation == operation
    return abandoned


def left_behind(workspace: Workspace, **differences: str) -> deploy_lock.DeployLock:
    """Write a lock whose process is no more."""
    path = workspace.build / "another" / deploy_lock.FILE
    lock = deploy_lock.DeployLock("id-1", "deploy r-000000000009", deploy_lock._who(), "2026", str(path))
    lock = dataclasses.replace(lock, **differences)
    place = deploy_lock._place(workspace)
    boto3.client("s3").put_object(**place, Body=json.dumps(lock.as_dict()).encode())
    return lock


def test_it_is_freed_at_the_end_and_after_an_error(workspace: Workspace) -> None:
    assert hold(workspace) is None
    with pytest.raises(ZeroDivisionError), deploy_lock.held(workspace, "deploy", silent):
        raise ZeroDivisionError

    assert deploy_lock.current(workspace) is None


def test_a_second_deployment_says_who_has_it_and_how_to_free_it(workspace: Workspace) -> None:
    with deploy_lock.held(workspace, "deploy r-000000000001", silent):
        lock = deploy_lock.current(workspace)
        assert lock is not None
        with pytest.raises(
            StackError, match=rf"^deploy r-000000000001 by \S+@\S+ holds local .*stack\.unlock {lock.id}$"
        ):
            hold(workspace, "deploy r-000000000002")

        assert deploy_lock.current(workspace) == lock, "the loser leaves the winner's lock alone"


def test_the_lock_of_a_killed_process_is_taken_over(workspace: Workspace) -> None:
    lock = left_behind(workspace)

    assert hold(workspace) == lock
    assert deploy_lock.current(workspace) is None


def test_the_lock_of_another_checkout_whose_process_runs_is_not(workspace: Workspace) -> None:
    lock = left_behind(workspace)
    Path(lock.file).parent.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HELD_ELSEWHERE, lock.file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        with pytest.raises(StackError, match="deploy r-000000000009"):
            hold(workspace)
    finally:
        process.kill()
        process.communicate()

    assert hold(workspace) == lock, "its process has ended"


def test_the_lock_of_another_machine_is_never_taken_over(workspace: Workspace) -> None:
    lock = left_behind(workspace, who="somebody@ci-runner-7")

    with pytest.raises(StackError, match="by somebody@ci-runner-7 holds local since 2026"):
        hold(workspace)
    assert not deploy_lock.free(workspace, "another-id")
    assert deploy_lock.free(workspace, lock.id)
    assert hold(workspace) is None
