"""One deployment at a time: an object beside Terraform's state, with the members of Terraform's own lock.

The object is written with If-None-Match, so that one of two deployments that begin at the same moment gets
it. A process on this machine also holds a lock on a local file, which ends with it however it ends: so a
deployment that was killed differs from one that runs.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kennel.aws import Progress, StackError, session
from kennel.aws.infrastructure import state_bucket
from kennel.aws.session import Workspace

FILE = "deploy.lock"  # in the workspace's folder


@dataclass(frozen=True)
class DeployLock:
    """Who deploys, or did.

    Parameters
    ----------
    operation
        What it does: ``deploy r-0123456789ab``.
    who
        ``user@host``.
    file
        The local file that its process holds.
    """

    id: str
    operation: str
    who: str
    created: str
    file: str

    @property
    def abandoned(self) -> bool:
        """Whether it was taken on this machine by a process that has ended."""
        if self.who != _who():
            return False
        try:
            with Path(self.file).open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True  # its folder was deleted: so has ended whatever worked in it
        except OSError:
            return False
        return True

    @property
    def running(self) -> bool:
        """Whether a process on this machine holds it."""
        return self.who == _who() and not self.abandoned

    def as_dict(self) -> dict[str, str]:
        """Return the members of Terraform's lock."""
        return {
            "ID": self.id,
            "Operation": self.operation,
            "Info": self.file,
            "Who": self.who,
            "Created": self.created,
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> DeployLock:
        """Return the lock that a JSON document describes."""
        return cls(
            **{
                name: str(document.get(member, ""))
                for name, member in (
                    ("id", "ID"),
                    ("operation", "Operation"),
                    ("who", "Who"),
                    ("created", "Created"),
                    ("file", "Info"),
                )
            }
        )


@contextmanager
def held(workspace: Workspace, operation: str, report: Progress) -> Iterator[DeployLock | None]:
    """Hold the lock of an environment; yield the lock of a killed deployment that was found in its place.

    Raises
    ------
    StackError
        Another deployment runs, or may run; the text says which.
    """
    path = workspace.build / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _refusal(workspace, current(workspace)) from error
        created = datetime.now(UTC).isoformat(timespec="seconds")
        lock = DeployLock(str(uuid.uuid4()), operation, _who(), created, str(path))
        abandoned = _take(workspace, lock, report)
        try:
            yield abandoned
        finally:
            free(workspace, lock.id)


def current(workspace: Workspace) -> DeployLock | None:
    """Return the lock of an environment; None if nobody deploys."""
    s3, place = session.client("s3"), _place(workspace)
    try:
        return DeployLock.of(json.loads(s3.get_object(**place)["Body"].read()))
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None


def free(workspace: Workspace, lock_id: str) -> bool:
    """Remove the lock of this id; return whether there was one."""
    lock = current(workspace)
    if lock is None or lock.id != lock_id:
        return False
    session.client("s3").delete_object(**_place(workspace))
    return True


def _take(workspace: Workspace, lock: DeployLock, report: Progress) -> DeployLock | None:
    """Write the lock; return the abandoned one that was removed for it."""
    if _written(workspace, lock):
        return None
    other = current(workspace)
    if other is not None and not (other.abandoned or other.file == lock.file):
        raise _refusal(workspace, other)
    if other is not None:
        report(f"{other.operation} of {other.created} was killed: its lock is removed")
        free(workspace, other.id)
    if not _written(workspace, lock):
        raise _refusal(workspace, current(workspace))
    return other


def _written(workspace: Workspace, lock: DeployLock) -> bool:
    from botocore.exceptions import ClientError

    body = json.dumps(lock.as_dict()).encode()
    try:
        session.client("s3").put_object(**_place(workspace), Body=body, IfNoneMatch="*")
    except ClientError as error:
        # 412: it is there; 409: another request writes it at this moment.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
            return False
        raise
    return True


def _place(workspace: Workspace) -> dict[str, str]:
    return state_bucket.place(f"kennel/{workspace.environment}.{FILE}")


def _who() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _refusal(workspace: Workspace, other: DeployLock | None) -> StackError:
    if other is None:
        return StackError(f"another deployment to {workspace.environment} has just begun: wait for its end")
    return StackError(
        f"{other.operation} by {other.who} holds {workspace.environment} since {other.created}: wait for its "
        f"end; if it was killed, free it with ./kennel stack.unlock {other.id}"
    )
