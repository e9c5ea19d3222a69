"""The ward: a tiny parent process that never lets a workload outlive the service that started it.

Run as a program (`python -I -S ward.py`) it is the ward itself: it reads one line of JSON (what to start)
from its standard input, starts it, reports its pid and at the end its exit status on standard output, and
kills every descendant when the child ends, when told to, or when standard input reaches its end, which is
what a service that died, even by `kill -9`, looks like. Imported, it is the service's side: `Wards.start`.
It needs the standard library only, so that a ward costs milliseconds and a few megabytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
READ_SIZE = 65536
IGNORED = (signal.SIGINT, signal.SIGHUP)  # by the ward itself: a terminal's affair, not a workload's end


# --- The service's side -------------------------------------------------------------------------------------


class WardError(Exception):
    """A process could not be started; the text says which and why."""


class Warded:
    """A process under a ward.

    Attributes
    ----------
    pid : int
        The child's own process id.
    stdout : IO[bytes] or None
        The reading end of its output when it was started with `subprocess.PIPE`; it ends when the last
        descendant that holds it is gone.
    """

    def __init__(self, ward: subprocess.Popen[bytes], argv: Sequence[str], stdout: IO[bytes] | None) -> None:
        self._ward, self._lock = ward, threading.Lock()
        self.argv, self.stdout = list(argv), stdout
        self.returncode: int | None = None
        report = self._report()
        if "pid" not in report:
            ward.wait()
            raise WardError(f"{self.argv[0]} did not start: {report.get('error', 'its ward died')}")
        self.pid: int = report["pid"]

    def _report(self) -> dict[str, Any]:
        line = self._ward.stdout.readline() if self._ward.stdout else b""
        return json.loads(line) if line else {}

    def poll(self) -> int | None:
        """Return the exit status (negative: the signal), or None while a process of it is alive."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until the child and all its descendants are gone.

        Returns
        -------
        int or None
            The child's exit status, negative for a signal; None if `timeout` seconds passed first.
        """
        try:
            status = self._ward.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        with self._lock:
            if self.returncode is None:
                # No report means that the ward itself was killed; the kernel then killed the child.
                self.returncode = self._report().get("returncode", status if status < 0 else -signal.SIGKILL)
                for pipe in (self._ward.stdin, self._ward.stdout):
                    if pipe:
                        with contextlib.suppress(BrokenPipeError):
                            pipe.close()
        return self.returncode

    def terminate(self, grace: float = 10.0) -> None:
        """Send SIGTERM to every process of it, SIGKILL to those left after `grace` seconds; do not wait."""
        self._tell(f"terminate {grace}\n")

    def kill(self) -> None:
        """Kill every process of it at once; do not wait."""
        self._tell("kill\n")

    def _tell(self, command: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):  # already gone: nothing to tell
            if self._ward.stdin:
                self._ward.stdin.write(command.encode())
                self._ward.stdin.flush()


class Wards:
    """Starts processes under wards and remembers them, so that a shutdown reaches them all."""

    def __init__(self) -> None:
        self._warded: list[Warded] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: str | os.PathLike[str],
        env: Mapping[str, str],
        stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    ) -> Warded:
        """Start a process under a ward.

        Parameters
        ----------
        argv : sequence of str
            The command; a bare name is looked up on `env["PATH"]`.
        cwd, env
            Its working directory and its whole environment.
        stdout : int or file
            Where its standard output and error go: a file, `subprocess.PIPE` or `subprocess.DEVNULL`.

        Raises
        ------
        WardError
            The command could not be started, or the service is shutting down.
        """
        if self._closed:
            raise WardError(f"{argv[0]} was not started: the local cloud is shutting down")
        reading, writing = os.pipe() if stdout == subprocess.PIPE else (None, None)
        sink = writing if writing is not None else stdout
        try:
            ward = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if sink is None else sink,  # becomes the child's output
                env={},
                cwd="/",
                start_new_session=True,  # a Ctrl-C in the service's terminal is the service's affair
            )
        finally:
            if writing is not None:
                os.close(writing)
        order = {"argv": [str(word) for word in argv], "cwd": str(Path(cwd).absolute()), "env": dict(env)}
        if ward.stdin:
            with contextlib.suppress(BrokenPipeError):
                ward.stdin.write(json.dumps(order).encode() + b"\n")
                ward.stdin.flush()
        try:
            warded = Warded(ward, argv, os.fdopen(reading, "rb") if reading is not None else None)
        except WardError:
            if reading is not None:
                os.close(reading)
            raise
        with self._lock:
            self._warded = [w for w in self._warded if w.poll() is None] + [warded]
            if self._closed:
                warded.kill()
        return warded

    def alive(self) -> list[Warded]:
        """Return the processes that still run."""
        with self._lock:
            return [warded for warded in self._warded if warded.poll() is None]

    def stop_all(self, timeout: float = 10.0) -> None:
        """Kill everything, wait until it is gone, and start nothing any more."""
        self._closed = True
        for warded in self.alive():
            warded.kill()
        deadline = time.monotonic() + timeout
        for warded in self.alive():
            warded.wait(max(0.0, deadline - time.monotonic()))


# --- The ward's side ----------------------------------------------------------------------------------------


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _before_exec() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)  # an ignored signal would stay ignored in the child
    if LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # should the ward itself be killed


def _descendants(root: int) -> Iterator[int]:
    """Yield the process ids below `root`, whatever session or group they moved to."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_bytes()
            except OSError:
                continue  # gone since the listing
            fields = stat.rpartition(b")")[2].split()  # the name before it may hold anything
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = children.get(root, [])
    while found:
        pid = found.pop()
        yield pid
        found.extend(children.get(pid, []))


STOPPED: list[bool] = []  # filled when somebody terminates the ward itself


class _Ward:
    def __init__(self, order: dict[str, Any]) -> None:
        self.status: int | None = None
        self.deadline: float | None = None  # when asked to terminate: the end of the grace
        self.child = subprocess.Popen(
            order["argv"],
            cwd=order["cwd"],
            env=order["env"],
            stdin=subprocess.DEVNULL,
            stdout=2,  # the ward's own standard error is the child's output
            stderr=2,
            start_new_session=True,
            preexec_fn=_before_exec,  # safe: the ward has one thread
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
        """Return once the child ended, the service died or asked for the end, or the grace is over."""
        pending = b""
        while self.reap():
            if self.deadline is None and self.status is not None:
                return  # the child is done; what it left behind is not part of its work
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


def _say(report: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the service died: there is nobody to tell
        os.write(1, json.dumps(report).encode() + b"\n")


def _read_order() -> dict[str, Any] | None:
    line = b""
    while not line.endswith(b"\n"):  # nothing follows it before the pid was reported
        chunk = os.read(0, READ_SIZE)
        if not chunk:
            return None
        line += chunk
    return json.loads(line)


def main() -> int:
    """Be the ward: start what standard input orders, and see to its end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake `watch`
    signal.signal(signal.SIGTERM, lambda *_: STOPPED.append(True))
    signal.set_wakeup_fd(writing)
    if LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
    order = _read_order()
    if order is None:
        return 1
    try:
        ward = _Ward(order)
    except OSError as error:
        _say({"error": f"{error.strerror or error}: {error.filename or order['argv'][0]}"})
        return 1
    _say({"pid": ward.child.pid})
    ward.watch(reading)
    _say({"returncode": ward.end()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
