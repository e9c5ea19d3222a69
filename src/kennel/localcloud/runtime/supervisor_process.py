"""The supervisor: a small parent process that ends a workload with the service that started it.

Run as a program (`python -I -S supervisor_process.py`), it reads one line of JSON (what to start) from its
standard input, starts it, reports its pid and at the end its exit status on standard output. It kills every
descendant when the child ends, when a command says so, or when standard input reaches its end, as it does
when the service died, even by `kill -9`. It needs the standard library only, so that it costs milliseconds
and a few megabytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
READ_SIZE = 65536
IGNORED = (signal.SIGINT, signal.SIGHUP)  # by the supervisor: they end no workload


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _before_exec() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)  # an ignored signal would stay ignored in the child
    if LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # should the supervisor itself be killed


def _descendants(root: int) -> Iterator[int]:
    """Yield the process ids below `root`, whatever session or group they moved to."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_bytes()
            except OSError:
                continue  # it ended since the listing
            fields = stat.rpartition(b")")[2].split()  # the name before it may hold anything
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    remaining = children.get(root, [])
    while remaining:
        pid = remaining.pop()
        yield pid
        remaining.extend(children.get(pid, []))


STOPPED: list[bool] = []  # filled when the supervisor itself gets SIGTERM


class _Supervisor:
    def __init__(self, specification: dict[str, Any]) -> None:
        self.status: int | None = None
        self.deadline: float | None = None  # when asked to terminate: the end of the grace
        self.child = subprocess.Popen(
            specification["argv"],
            cwd=specification["cwd"],
            env=specification["env"],
            stdin=subprocess.DEVNULL,
            stdout=2,  # the supervisor's own standard error is the child's output
            stderr=2,
            start_new_session=True,
            preexec_fn=_before_exec,  # safe: the supervisor has one thread
        )

    def signal_all(self, number: int) -> None:
        """Signal every descendant; elsewhere than on Linux, the child's process group."""
        if LINUX:
            for pid in list(_descendants(os.getpid())):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child.pid, number)

    def reap(self) -> bool:
        """Collect every process that ended, adopted orphans too; return whether any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.child.pid:
                self.status = self.child.returncode = os.waitstatus_to_exitcode(status)

    def watch(self, wakeup: int) -> None:
        """Return once the child ended, the service died or ordered the end, or the grace is over."""
        pending = b""
        while self.reap():
            if self.deadline is None and self.status is not None:
                return  # the child has ended; the processes that it left are killed
            if STOPPED:
                return
            wait = None if self.deadline is None else self.deadline - time.monotonic()
            if wait is not None and wait <= 0:
                return
            # The timeout also covers a SIGCHLD that came between the reaping and the waiting.
            ready, _, _ = select.select([0, wakeup], [], [], 0.5 if wait is None else min(wait, 0.5))
            if wakeup in ready:
                os.read(wakeup, READ_SIZE)
            if 0 in ready:
                chunk = os.read(0, READ_SIZE)
                if not chunk:
                    return
                *commands, pending = (pending + chunk).split(b"\n")
                for command in commands:
                    if command == b"kill":
                        return
                    if command.startswith(b"terminate") and self.deadline is None:
                        self.deadline = time.monotonic() + float(command.split()[1])
                        self.signal_all(signal.SIGTERM)

    def end(self) -> int:
        """Kill what is left, in rounds, since a process may fork while it is being killed."""
        if not LINUX:
            self.signal_all(signal.SIGKILL)  # the group may outlive the child that led it
        while self.reap():
            self.signal_all(signal.SIGKILL)
            time.sleep(0.005)
        return -signal.SIGKILL if self.status is None else self.status


def _send_report(report: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the service died
        os.write(1, json.dumps(report).encode() + b"\n")


def _read_specification() -> dict[str, Any] | None:
    line = b""
    while not line.endswith(b"\n"):  # nothing follows it before the pid was reported
        chunk = os.read(0, READ_SIZE)
        if not chunk:
            return None
        line += chunk
    return json.loads(line)


def main() -> int:
    """Start what standard input specifies, and wait for its end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake `watch`
    signal.signal(signal.SIGTERM, lambda *_: STOPPED.append(True))
    signal.set_wakeup_fd(writing)
    if LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
    specification = _read_specification()
    if specification is None:
        return 1
    try:
        supervisor = _Supervisor(specification)
    except OSError as error:
        _send_report({"error": f"{error.strerror or error}: {error.filename or specification['argv'][0]}"})
        return 1
    _send_report({"pid": supervisor.child.pid})
    supervisor.watch(reading)
    _send_report({"returncode": supervisor.end()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
