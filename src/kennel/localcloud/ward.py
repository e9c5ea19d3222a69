"""Processes under wards: whatever the service starts, it starts here, and none of it outlives the service.

A ward is one small process between the service and a workload (`ward_process.py`). A process group would not
do: torchrun starts its workers in sessions of their own, and a service killed by signal 9 cannot clean up.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

PROGRAM = Path(__file__).resolve().with_name("ward_process.py")


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
                [sys.executable, "-I", "-S", str(PROGRAM)],
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
