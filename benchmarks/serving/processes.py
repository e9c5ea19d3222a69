"""Servers as process groups: started, awaited, measured and ended as a whole."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

MB = 1_000_000
START_SECONDS = 180.0
STOP_SECONDS = 10.0


class StartError(RuntimeError):
    """A server did not become healthy."""


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Group:
    """The processes that one command started: its process group, and their descendants.

    TorchServe's launcher ends and leaves its Java process to init, so that a tree of parents would lose it;
    Ray's workers are in groups of their own.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.start_seconds = 0.0

    def pids(self) -> list[int]:
        """Return its processes."""
        running = _running()
        members = {pid for pid, (group, _) in running.items() if group == self.process.pid}
        while more := {pid for pid, (_, parent) in running.items() if parent in members} - members:
            members |= more
        return sorted(members)

    def memory(self) -> float:
        """Return its memory in MB: pages that several processes share are counted once."""
        return sum(map(_memory, self.pids())) / MB

    def stop(self) -> None:
        """End all its processes: those of its group are asked, what is left is killed."""
        known = set(self.pids())
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while (left := self._left(known)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        while self._left(left):
            time.sleep(0.05)

    def _left(self, known: set[int]) -> set[int]:
        """Return which of the known processes run, and what they have started meanwhile."""
        self.process.poll()  # reaps it: a process that has ended would stay in the group
        return (known & _running().keys()) | set(self.pids())


def _running() -> dict[int, tuple[int, int]]:
    """Return the process group and the parent of each process that has not ended."""
    columns = ["-o", "pid=,pgid=,ppid=,stat="]
    listed = subprocess.run(["ps", "-A", *columns], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return {int(pid): (int(group), int(parent)) for pid, group, parent, state in rows if state[0] != "Z"}


def _memory(pid: int) -> int:
    """Return a process's share of memory in bytes; where that is unknown, its resident memory."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:  # it has ended, or there is no such file
        pass
    listed = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(listed.stdout or 0) * 1024


@contextmanager
def group(
    command: list[str], environment: Mapping[str, str], folder: Path, log: Path, **streams: int
) -> Iterator[Group]:
    """Run a command in a process group of its own, which ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stderr=output,
            start_new_session=True,
            **{"stdin": subprocess.DEVNULL, "stdout": output.fileno(), **streams},
        )
    started = Group(process)
    try:
        yield started
    finally:
        started.stop()


def wait_healthy(server: Group, port: int, log: Path) -> None:
    """Wait until ``GET /ping`` is answered with 200.

    Raises
    ------
    StartError
        The server ended, or took too long; the text has the end of its log.
    """
    began = time.monotonic()
    while time.monotonic() - began < START_SECONDS:
        if server.process.poll() is not None:
            break
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ping")
            if connection.getresponse().status == http.client.OK:
                server.start_seconds = time.monotonic() - began
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    lines = log.read_text(errors="replace").strip().splitlines()
    raise StartError(f"{Path(server.process.args[0]).name} did not start: {' | '.join(lines[-5:])[-600:]}")


class Measured(Protocol):
    """Processes whose memory can be read."""

    def memory(self) -> float:
        """Return their memory in MB."""


class Sampler:
    """Reads the memory of processes now and then while a block runs, and keeps the highest value."""

    def __init__(self, measured: Measured, interval: float = 1.0) -> None:
        self.highest = 0.0
        self._group, self._interval, self._done = measured, interval, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        self.highest = max(self.highest, self._group.memory())

    def _sample(self) -> None:
        while not self._done.wait(self._interval):
            self.highest = max(self.highest, self._group.memory())
