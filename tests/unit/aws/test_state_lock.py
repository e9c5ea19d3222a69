"""Whose lock is on the state, and what may be done about it."""

from __future__ import annotations

import fcntl
import json
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from kennel.aws import StackError
from kennel.aws.infrastructure import operation_record, recovery, stack, state_bucket, state_lock, unfinished
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace

HERE = f"me@{socket.gethostname()}"


@pytest.fixture
def workspace(tmp_path: Path, stack: Stack) -> Workspace:
    """An environment with a state bucket in moto."""
    workspace = Workspace("dev", tmp_path, tmp_path)
    boto3.client("s3").create_bucket(Bucket=state_bucket.backend(workspace)["bucket"])
    return workspace


def lock(workspace: Workspace, who: str = HERE, created: float | None = None) -> None:
    """Write a lock as Terraform's S3 backend does."""
    backend = state_bucket.backend(workspace)
    document = {
        "ID": "c5553c6c-a184",
        "Operation": "OperationTypeApply",
        "Info": "",
        "Who": who,
        "Version": "1.11.4",
        "Created": datetime.fromtimestamp(created or time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f123Z"),
        "Path": f"{backend['bucket']}/{backend['key']}",
    }
    boto3.client("s3").put_object(
        Bucket=backend["bucket"], Key=f"{backend['key']}.tflock", Body=json.dumps(document).encode()
    )


def killed(workspace: Workspace) -> None:
    """Leave the record of an operation that was killed with its supervisor, in this moment."""
    with operation_record.recording(workspace.build / "terraform", "apply") as (file, record):
        file.write(json.dumps({**record, "pid": 4711}))


def test_a_provider_that_is_being_killed_is_not_the_operation_that_has_ended(tmp_path: Path) -> None:
    with operation_record.recording(tmp_path, "apply") as (file, record):
        file.write(json.dumps({**record, "pid": 4711, "ended": time.time()}))
        file.flush()
        ended = operation_record.read(tmp_path)
        assert ended is not None
        assert not ended.running
        freed = threading.Timer(0.2, fcntl.flock, (file, fcntl.LOCK_UN))
        freed.start()
        with operation_record.recording(tmp_path, "plan"):  # which waits for it
            assert freed.finished.is_set()


def settle(workspace: Workspace, answer: bool) -> list[str]:
    questions: list[str] = []
    state_lock.settle(workspace, questions.append, lambda question, _: answer)
    return questions


def test_an_unlocked_state_is_free(workspace: Workspace) -> None:
    assert state_lock.current(workspace) is None
    assert settle(workspace, answer=False) == []


def test_the_lock_of_a_killed_operation_is_released_after_asking(workspace: Workspace) -> None:
    killed(workspace)
    lock(workspace)
    found = state_lock.current(workspace)
    assert found is not None
    assert found.abandoned
    assert f"apply of {HERE}" in found.text
    assert "process 4711 on this machine has ended" in found.text

    with pytest.raises(StackError, match=r"stack\.unlock c5553c6c-a184 --env dev"):
        settle(workspace, answer=False)
    assert not unfinished.exists(workspace)

    settle(workspace, answer=True)
    assert state_lock.current(workspace) is None
    assert unfinished.exists(workspace), "what it has created is adopted by the next apply"


@pytest.mark.parametrize("who", ["me@elsewhere", HERE])
def test_a_lock_that_was_not_taken_here_is_left_alone(workspace: Workspace, who: str) -> None:
    if who != HERE:
        killed(workspace)
    lock(workspace, who)

    with pytest.raises(StackError, match=r"whether it still runs is not known here.*stack\.unlock"):
        settle(workspace, answer=True)
    assert state_lock.current(workspace) is not None


def test_a_lock_that_is_older_or_younger_than_the_operation_is_not_its_own(workspace: Workspace) -> None:
    killed(workspace)
    for age in (-state_lock.TAKEN_SECONDS - 1, 5):
        lock(workspace, created=time.time() - age)
        found = state_lock.current(workspace)
        assert found is not None
        assert found.record is None


def test_the_lock_of_a_process_that_runs_is_waited_for_and_never_released(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_lock, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(state_lock, "POLL_SECONDS", 0.02)
    with operation_record.recording(workspace.build / "terraform", "apply") as (file, record):
        file.write(json.dumps({**record, "pid": 4711}))
        file.flush()
        lock(workspace)

        with pytest.raises(StackError, match="process 4711 on this machine still runs: wait for its end"):
            settle(workspace, answer=True)
        with pytest.raises(StackError, match="still runs"):
            stack.unlock(workspace, "c5553c6c-a184")


def test_unlock_releases_the_lock_of_its_id_only(workspace: Workspace) -> None:
    lock(workspace, "me@elsewhere")

    with pytest.raises(StackError, match=r"no lock other on the state of dev: .*me@elsewhere"):
        stack.unlock(workspace, "other")
    stack.unlock(workspace, "c5553c6c-a184")

    assert state_lock.current(workspace) is None
    assert unfinished.exists(workspace)


def test_a_change_is_unfinished_until_it_succeeds(workspace: Workspace) -> None:
    with pytest.raises(StackError), unfinished.noted(workspace):
        raise StackError("Terraform failed")
    assert unfinished.exists(workspace)

    with unfinished.noted(workspace):
        pass
    assert not unfinished.exists(workspace)


@pytest.mark.parametrize(("environment", "approved"), [("local", True), ("dev", False), ("prod", False)])
def test_callers_who_are_not_asked_recover_the_local_cloud_only(environment: str, approved: bool) -> None:
    approve = recovery.approval(Workspace(environment, Path(), Path()))

    assert approve("release the lock", []) is approved
