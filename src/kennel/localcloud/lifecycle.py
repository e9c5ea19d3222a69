"""The local cloud as a background service: start it, stop it, ask its status, point tools at it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.localcloud import DEFAULT_PORT, LocalCloudError, service_process, service_record, temporary_folder
from kennel.localcloud.connection import administer, operator_environment, read_status
from kennel.localcloud.persistence import snapshot_file
from kennel.localcloud.service_port import check_port

LOG = "service.log"
LOCK = "service.lock"
# A stop waits for a snapshot that is being written and for the last one, then for the end of what runs.
STOP_SECONDS = 2 * snapshot_file.LONGEST_SECONDS + 30.0
RESUME_SECONDS = 480.0  # as long as an endpoint may take to start
RESUME_POLL_SECONDS = 0.2
# What a local cloud's folder has at least one of.
MARKS = {service_record.RECORD, LOG, LOCK, snapshot_file.FOLDER}


@dataclass(frozen=True)
class Status:
    """The state of a folder's service.

    ``note`` says why it is not ready, or what it cannot do; ``speed`` is that of its clock.
    """

    ready: bool
    pid: int | None
    port: int | None
    endpoint_url: str | None
    directory: str
    started_at: str | None = None
    version: str | None = None
    note: str = ""
    speed: float | None = None


def status(directory: Path) -> Status:
    """Return the state of a folder's service."""
    directory = directory.resolve()
    record = service_record.read(directory)
    if record is None:
        return Status(False, None, None, None, str(directory), note="not running")
    if not service_record.is_running(record):
        return Status(
            False,
            None,
            None,
            None,
            str(directory),
            note=f"killed: process {record['pid']} left its record behind",
        )
    response = read_status(_variables(record["endpoint_url"], directory))
    fields = {name: record.get(name) for name in ("pid", "port", "endpoint_url", "started_at", "version")}
    ready = response is not None and response.get("pid") == record["pid"]
    note = _lost_entries(response) if response and ready else "running, but does not answer"
    speed = response["clock"]["speed"] if response and ready else None
    return Status(ready, directory=str(directory), note=note, speed=speed, **fields)


def _lost_entries(response: dict[str, Any]) -> str:
    lost = response.get("audit_entries_lost")
    return (
        f"{lost} entries of the audit log could not be written: {response['audit_problem']}" if lost else ""
    )


def up(
    directory: Path,
    port: int | None = None,
    progress: Callable[[str], None] | None = None,
    *,
    keep: bool = True,
    speed: float | None = None,
) -> Status:
    """Start a folder's service with what it held before, unless it runs.

    Two starts at once start one service.

    Parameters
    ----------
    directory
        Where it keeps its record, log and work.
    port
        Where it listens; None is the port where it listened before, or else the usual one; 0 a free one.
    progress
        Receives what happens, a line at a time.
    keep
        Save what it holds while it runs and at its end, for the next start. Ignored if it runs already.
    speed
        Of its clock, also if it runs already; None is the one that it had before, or else the wall's.

    Raises
    ------
    LocalCloudError
        The port is taken, what it held cannot be restored, or the service did not start.
    """
    directory = directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(directory):
        return _up(directory, port, progress or (lambda line: None), keep, speed)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the folder's lock: of two starts at once, the second finds the first one's service running."""
    with (directory / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _up(
    directory: Path, port: int | None, report: Callable[[str], None], keep: bool, speed: float | None
) -> Status:
    now = status(directory)
    if now.ready:
        if port not in (None, 0, now.port):
            raise LocalCloudError(
                f"the local cloud of {directory} already runs on port {now.port}, not {port}: "
                "stop it first with ./kennel local.down"
            )
        report(f"already up on {now.endpoint_url}")
        if speed not in (None, now.speed):
            report(f"the speed of its clock is {speed:g} from now on")
            administer(environment(now), "clock", speed=speed)
        return status(directory)
    if now.pid is not None:
        raise LocalCloudError(
            f"the local cloud of {directory} (process {now.pid}) runs but does not answer: "
            "stop it with ./kennel local.down, then start it again"
        )
    kept = snapshot_file.read_header(directory)
    if now.note.startswith("killed"):
        report(f"the last service was {now.note}")
        _forget(directory)
    if kept:
        report(f"restoring what it held at {kept.saved_at}")
        if kept.not_kept:
            report(f"lost, since it cannot be kept: everything in {', '.join(kept.not_kept)}")
    chosen = port if port is not None else kept.port if kept else DEFAULT_PORT
    try:
        check_port(chosen)
    except LocalCloudError as error:
        if kept and port is None:
            raise LocalCloudError(
                f"{error}. It ran on port {chosen} before: exports and clients name it"
            ) from error
        raise
    started = _start(directory, chosen, report, keep, speed)
    return _wait_resumed(started, report) if kept else started


def _wait_resumed(started: Status, report: Callable[[str], None]) -> Status:
    """Wait until everything that served before serves again, or has failed to."""
    reported: list[str] = []
    deadline = time.monotonic() + RESUME_SECONDS
    while time.monotonic() < deadline:
        response = read_status(environment(started))
        if response is None:
            raise LocalCloudError(
                f"the local cloud ended while it came up: see {Path(started.directory) / LOG}"
            )
        if not response.get("resuming"):
            return started
        if response["resuming"] != reported:
            reported = response["resuming"]
            report(f"coming up again: {', '.join(reported)}")
        time.sleep(RESUME_POLL_SECONDS)
    report(f"still coming up: {', '.join(reported)}")
    return started


def reset(directory: Path) -> bool:
    """Delete everything that a local cloud holds; it must not run.

    Returns
    -------
    Whether there was anything.

    Raises
    ------
    LocalCloudError
        It runs, or the folder is no local cloud's.
    """
    directory = directory.resolve()
    if not directory.exists():
        return False
    if status(directory).pid is not None:
        raise LocalCloudError(
            f"the local cloud of {directory} runs: stop it with ./kennel local.down, then reset it"
        )
    present = {path.name for path in directory.iterdir()}
    if present and not present & MARKS:
        raise LocalCloudError(f"{directory} is not a local cloud's folder: it has none of {', '.join(MARKS)}")
    shutil.rmtree(directory)
    return True


def _start(
    directory: Path, port: int, report: Callable[[str], None], keep: bool, speed: float | None
) -> Status:
    report("starting the local cloud")

    def ready(pid: int) -> Status | None:
        now = status(directory)
        return now if now.ready and now.pid == pid else None

    started = service_process.start(directory, port, directory / LOG, ready, keep=keep, speed=speed)
    report(f"up on {started.endpoint_url}")
    return started


def down(directory: Path, progress: Callable[[str], None] | None = None) -> bool:
    """Stop the service of a folder.

    Returns
    -------
    Whether one was running.

    Raises
    ------
    LocalCloudError
        It did not stop.
    """
    report = progress or (lambda line: None)
    directory = directory.resolve()
    record = service_record.read(directory)
    if record is None:
        temporary_folder.remove(directory)  # of a service that was killed before it was ready
        report("not running")
        return False
    pid = int(record["pid"])
    if not service_record.is_running(record):
        report(f"the service was killed: process {pid} left its record behind; removed it")
        _forget(directory)
        return False
    report(f"stopping process {pid}")
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if not service_record.is_running(record):
                _forget(directory)
                report("stopped")
                return True
            time.sleep(0.05)
    raise LocalCloudError(f"process {pid} does not stop: end it by hand")


def _forget(directory: Path) -> None:
    """Remove what a service that has ended left: its record and its temporary files."""
    service_record.remove(directory)
    temporary_folder.remove(directory)


def environment(status: Status) -> dict[str, str]:
    """Return the variables that point the AWS CLI, boto3 and Terraform at a running service.

    Raises
    ------
    LocalCloudError
        It is not running.
    """
    if not status.ready or status.endpoint_url is None:
        raise LocalCloudError("the local cloud is not running: start it with ./kennel local.up")
    return _variables(status.endpoint_url, Path(status.directory))


def _variables(endpoint_url: str, directory: Path) -> dict[str, str]:
    return operator_environment(endpoint_url, service_record.operator_secret(directory))
