"""Starts the service's process, and ends it again if its start is not completed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from kennel.localcloud import LocalCloudError, service_record

START_SECONDS = 60.0
END_SECONDS = 30.0
POLL_SECONDS = 0.05
# Of glibc: it would keep the memory of requests' bodies, a heap for each thread (docs/local-cloud.md).
ALLOCATION = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
}
LOG_LINES = 8  # of a failed start, in the error
Ready = TypeVar("Ready")


def start(
    directory: Path,
    port: int,
    log_path: Path,
    ready: Callable[[int], Ready | None],
    *,
    keep: bool = True,
    speed: float | None = None,
) -> Ready:
    """Start a folder's service in the background and wait until it is ready.

    Parameters
    ----------
    directory, port, log_path
        Its folder, where it listens (0: a free port), and the file for its output.
    ready
        Returns what is known of the service with this process id once it is ready, and None before.
    keep
        Whether the service saves what it holds.
    speed
        Of its clock; None is the one that it had before, or else the wall's.

    Raises
    ------
    LocalCloudError
        It ended, or was not ready in time. As after an interruption, no process is left.
    """
    command = [sys.executable, "-m", "kennel.localcloud.server.main"]
    command += [
        "--directory",
        str(directory),
        "--port",
        str(port),
        *([] if keep else ["--forget"]),
        *([] if speed is None else ["--speed", str(speed)]),
        "--starter",
    ]
    with log_path.open("w", encoding="utf-8") as log, _starter() as (service_end, confirm):
        process = subprocess.Popen(
            [*command, str(service_end)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
            pass_fds=(service_end,),
        )
        try:
            started = _wait(process, log_path, ready)
        except BaseException:
            _end(process)
            raise
        confirm()
    return started


def _environment() -> dict[str, str]:
    source = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**ALLOCATION, **own, "PYTHONPATH": path}


@contextlib.contextmanager
def _starter() -> Iterator[tuple[int, Callable[[], None]]]:
    """Make a pipe through which a service learns whether its start was completed.

    It ends when the pipe is closed without a word: also if this process was killed, or interrupted before it
    knew the service's process id.
    """
    service_end, own_end = os.pipe()

    def confirm() -> None:
        os.write(own_end, b"started")

    try:
        yield service_end, confirm
    finally:
        os.close(service_end)
        os.close(own_end)


def _wait(process: subprocess.Popen[bytes], log_path: Path, ready: Callable[[int], Ready | None]) -> Ready:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            if process.returncode == service_record.REFUSED:
                raise LocalCloudError(log_path.read_text(errors="replace").rpartition(" ERROR ")[2].strip())
            tail = log_path.read_text(errors="replace").strip().splitlines()[-LOG_LINES:]
            end = "\n".join(tail) or "(it is empty)"
            raise LocalCloudError(f"the local cloud did not start; the end of {log_path}:\n{end}")
        if (known := ready(process.pid)) is not None:
            return known
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
    raise LocalCloudError(f"the local cloud was not ready after {START_SECONDS:.0f} s: see {log_path}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a service whose start was not completed, and wait for its end."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
