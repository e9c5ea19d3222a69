"""Terraform's lock on a state: who holds it, whether that process still runs, and its release.

The S3 backend keeps the lock as an object beside the state, which a killed Terraform leaves behind.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kennel.aws import Approve, Progress, StackError, session
from kennel.aws.infrastructure import operation_record, state_bucket, unfinished
from kennel.aws.infrastructure.operation_record import OperationRecord
from kennel.aws.session import Workspace

# From the start of Terraform to its lock: it reads the backend's settings, then takes the lock or ends.
TAKEN_SECONDS = 60.0
# How long an operation waits for another one of this machine.
WAIT_SECONDS = 60.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class StateLock:
    """A lock on a state.

    Parameters
    ----------
    who
        ``user@host``.
    created
        Seconds since the epoch.
    record
        The operation on this machine that took the lock; None if another machine, another checkout or a
        Terraform that no task has started took it: then nothing here says whether it runs.
    """

    id: str
    operation: str
    who: str
    created: float
    record: OperationRecord | None

    @property
    def abandoned(self) -> bool:
        """Whether the process that took it has ended."""
        return self.record is not None and not self.record.running

    @property
    def text(self) -> str:
        """Who holds it, since when, and whether that still runs, in one line."""
        since = datetime.fromtimestamp(self.created).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
        operation = self.operation.removeprefix("OperationType").lower() or "an operation"
        text = f"the state is locked by {operation} of {self.who} since {since}"
        if self.record is None:
            return f"{text}, which was not started from this folder: whether it still runs is not known here"
        process = f"process {self.record.pid} on this machine"
        return f"{text}; {process} {'has ended' if self.abandoned else 'still runs'}"

    def as_dict(self) -> dict[str, Any]:
        """Return the lock as a JSON document."""
        return {
            "id": self.id,
            "operation": self.operation,
            "who": self.who,
            "created": self.created,
            "pid": self.record.pid if self.record else None,
            "running": self.record.running if self.record else None,
        }


def current(workspace: Workspace) -> StateLock | None:
    """Return the lock on the state of an environment; None if it is not locked."""
    s3 = session.client("s3")
    try:
        response = s3.get_object(**_place(workspace))
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None
    document = json.loads(response["Body"].read())
    created = datetime.fromisoformat(document["Created"]).timestamp()
    host = document["Who"].rpartition("@")[2]
    record = operation_record.read(workspace.build / "terraform")
    took = record is not None and record.host == host and _covers(record, created)
    return StateLock(
        document["ID"], document["Operation"], document["Who"], created, record if took else None
    )


def release(workspace: Workspace, lock_id: str) -> bool:
    """Release the lock of this id, and note what it was for; return whether there was one."""
    lock = current(workspace)
    if lock is None or lock.id != lock_id:
        return False
    if "Apply" in lock.operation:
        unfinished.note(workspace, lock.who)
    session.client("s3").delete_object(**_place(workspace))
    return True


def settle(workspace: Workspace, report: Progress, approve: Approve) -> None:
    """Return once the state is not locked.

    Parameters
    ----------
    approve
        Asked before a lock is released whose process has ended.

    Raises
    ------
    StackError
        An operation holds the lock that runs, or of which is not known whether it runs.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while (lock := current(workspace)) or _runs(workspace):
        if lock and lock.abandoned:
            if not approve(f"release the lock of an operation that was killed: {lock.text}", []):
                raise StackError(f"{lock.text}: {_remedy(lock, workspace)}")
            release(workspace, lock.id)
            report(f"released: {lock.text}")
        elif lock and (lock.record is None or time.monotonic() > deadline):
            raise StackError(f"{lock.text}: wait for its end; if it was killed, {_remedy(lock, workspace)}")
        elif time.monotonic() > deadline:
            raise StackError("an operation of this folder has not ended: wait for its end")
        else:  # it begins, or saves the state after the task that started it was killed
            report(lock.text if lock else "waiting for the end of an operation of this folder")
            time.sleep(POLL_SECONDS)


def _runs(workspace: Workspace) -> bool:
    record = operation_record.read(workspace.build / "terraform")
    return record is not None and record.running


def _remedy(lock: StateLock, workspace: Workspace) -> str:
    return f"free the state with ./kennel stack.unlock {lock.id} --env {workspace.environment}"


def _covers(record: OperationRecord, created: float) -> bool:
    """Return whether an operation took a lock: it does so at its beginning, or ends."""
    end = record.started + TAKEN_SECONDS
    return record.started <= created <= (end if record.ended is None else min(end, record.ended))


def _place(workspace: Workspace) -> dict[str, str]:
    return state_bucket.place(f"{state_bucket.backend(workspace)['key']}.tflock")
