"""Which process on this machine runs Terraform on a state: a file in the workspace that names it.

Terraform's lock on a state names a user and a host, no process. The file is locked (flock) by Terraform
itself and its supervisor, so the kernel releases it when both have ended, however they end. A process id says
less: another process may have got the same one, and a container has its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kennel.aws import StackError

FILE = "operation.json"
ENDING_SECONDS = 5.0  # that what was killed with Terraform may hold the file after it


@dataclass(frozen=True)
class OperationRecord:
    """The newest operation of a workspace that took the lock on the state, or was about to.

    Parameters
    ----------
    command
        Terraform's: ``plan``, ``apply``, ….
    pid
        Of Terraform; None if it was not started yet.
    started, ended
        Seconds since the epoch; ``ended`` is None as long as it runs, and if its supervisor was killed.
    running
        Whether Terraform, or what ends it, still runs. A provider that was killed with it may hold the file
        for a moment longer; what holds the file long after an end is the next operation, which begins.
    """

    command: str
    host: str
    pid: int | None
    started: float
    ended: float | None
    running: bool


@contextlib.contextmanager
def recording(folder: Path, command: str) -> Iterator[tuple[IO[Any], dict[str, Any]]]:
    """Yield the locked file for a process to inherit, and what that is to write to it.

    Raises
    ------
    StackError
        Another operation of this workspace runs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a+") as file:
        deadline = time.monotonic() + ENDING_SECONDS
        while not _take(file):
            other = read(folder)
            if other is None or other.running or time.monotonic() > deadline:
                name = f"{other.command} (process {other.pid})" if other else "another operation"
                raise StackError(f"{name} runs in {folder.parent}: wait for its end")
            time.sleep(0.02)
        yield file, {"command": command, "host": socket.gethostname(), "started": time.time()}


def read(folder: Path) -> OperationRecord | None:
    """Return the newest operation of a workspace; None if there was none."""
    try:
        with (folder / FILE).open() as file:
            held = not _free(file)
            record = json.loads(file.read() or "{}")
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if not record:
        return None
    ended = record.get("ended")
    return OperationRecord(
        record["command"],
        record["host"],
        record.get("pid"),
        record["started"],
        ended,
        running=held and (ended is None or time.time() > ended + ENDING_SECONDS),
    )


def _take(file: IO[Any]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free(file: IO[Any]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
