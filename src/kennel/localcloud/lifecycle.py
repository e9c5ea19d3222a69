"""The local cloud as a background service: start, stop, ask, and the variables that point tools at it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.localcloud import DEFAULT_PORT, LocalCloudError

RECORD = "service.json"
LOG = "service.log"
LOCK = "service.lock"
START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Status:
    """What is known of the service; ``note`` says why it is not ready."""

    ready: bool
    pid: int | None
    port: int | None
    endpoint_url: str | None
    directory: str
    started_at: str | None = None
    version: str | None = None
    note: str = ""


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 takes a free one.

    Raises
    ------
    OSError
        The port is taken, or not ours to take.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def process_birth(pid: int) -> str | None:
    """When a process started, in whatever form this system gives; None if there is no such process.

    A pid is reused; a pid with its birth is not.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or None


def status(directory: Path) -> Status:
    """Ask the service of a folder how it is."""
    directory = directory.resolve()
    record = _record(directory)
    if record is None:
        return Status(False, None, None, None, str(directory), note="not running")
    if not _alive(record):
        return Status(
            False,
            None,
            None,
            None,
            str(directory),
            note=f"killed: process {record['pid']} left its record behind",
        )
    answer = _ask(int(record["port"]))
    fields = {name: record.get(name) for name in ("pid", "port", "endpoint_url", "started_at", "version")}
    ready = answer is not None and answer.get("pid") == record["pid"]
    return Status(
        ready, directory=str(directory), note="" if ready else "running, but does not answer", **fields
    )


def up(directory: Path, port: int | None = None, progress: Callable[[str], None] | None = None) -> Status:
    """Start the service, or find it running.

    Parameters
    ----------
    directory
        Where it keeps its record, log and work.
    port
        Where it listens; None is the usual port, 0 a free one.
    progress
        Told what happens, a line at a time.

    Raises
    ------
    LocalCloudError
        The port is taken, or the service did not start.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory):
        return _up(directory, port, progress or (lambda line: None))


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep two starts of one folder's service apart; the second finds what the first made."""
    with (directory / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _up(directory: Path, port: int | None, say: Callable[[str], None]) -> Status:
    now = status(directory)
    if now.ready:
        if port not in (None, 0, now.port):
            raise LocalCloudError(
                f"the local cloud of {directory} already runs on port {now.port}, not {port}: "
                "stop it first with ./kennel local.down"
            )
        say(f"already up on {now.endpoint_url}")
        return now
    if now.pid is not None:
        raise LocalCloudError(
            f"the local cloud of {directory} (process {now.pid}) runs but does not answer: "
            "stop it with ./kennel local.down, then start it again"
        )
    if now.note.startswith("killed"):
        say(f"the last service was {now.note}; starting afresh")
        (directory / RECORD).unlink(missing_ok=True)
    wanted = DEFAULT_PORT if port is None else port
    _check_port(wanted)
    return _start(directory, wanted, say)


def _check_port(port: int) -> None:
    try:
        listen(port).close()
    except OSError as error:
        raise _port_taken(port) from error


def _port_taken(port: int) -> LocalCloudError:
    answer = _ask(port, seconds=1.5)
    if answer and "directory" in answer:
        holder = f"the local cloud of {answer['directory']} (process {answer.get('pid')})"
        mend = "stop that one with ./kennel local.down, or start this one on another port with --port 0"
    else:
        holder, mend = "another program", "stop it, or start the local cloud on another port with --port 0"
    return LocalCloudError(f"port {port} on 127.0.0.1 is taken by {holder}: {mend}")


def _start(directory: Path, port: int, say: Callable[[str], None]) -> Status:
    log_path = directory / LOG
    source = str(Path(__file__).resolve().parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])),
    }
    environment = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    say("starting the local cloud")
    with log_path.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "kennel.localcloud.server.main",
                "--directory",
                str(directory),
                "--port",
                str(port),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            tail = log_path.read_text(errors="replace").strip().splitlines()[-8:]
            said = "\n".join(tail) or "(it said nothing)"
            raise LocalCloudError(f"the local cloud did not start; the end of {log_path}:\n{said}")
        now = status(directory)
        if now.ready and now.pid == process.pid:
            say(f"up on {now.endpoint_url}")
            return now
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.kill()
    process.wait()
    raise LocalCloudError(f"the local cloud was not ready after {START_SECONDS:.0f} s: see {log_path}")


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
    say = progress or (lambda line: None)
    directory = directory.resolve()
    record = _record(directory)
    if record is None:
        say("not running")
        return False
    pid = int(record["pid"])
    if not _alive(record):
        say(f"the service was killed: process {pid} left its record behind; removed it")
        (directory / RECORD).unlink(missing_ok=True)
        return False
    say(f"stopping process {pid}")
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if not _alive(record):
                (directory / RECORD).unlink(missing_ok=True)
                say("stopped")
                return True
            time.sleep(0.05)
    raise LocalCloudError(f"process {pid} does not stop: end it by hand")


def environment(status: Status) -> dict[str, str]:
    """The variables that point the AWS CLI, boto3 and Terraform at a running service.

    Raises
    ------
    LocalCloudError
        It is not running.
    """
    from kennel.localcloud.connection import operator_environment

    if not status.ready or status.endpoint_url is None:
        raise LocalCloudError("the local cloud is not running: start it with ./kennel local.up")
    return operator_environment(status.endpoint_url)


def _record(directory: Path) -> dict[str, Any] | None:
    path = directory / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LocalCloudError(f"{path} is not a service record: delete it") from error
    return record


def _alive(record: dict[str, Any]) -> bool:
    """Whether the very process that wrote a record still runs (not another that got its number)."""
    birth = process_birth(int(record["pid"]))
    return birth is not None and birth == record.get("birth")


def _ask(port: int, seconds: float = 5.0) -> dict[str, Any] | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_kennel/status", timeout=seconds) as answer:
            document = json.load(answer)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
