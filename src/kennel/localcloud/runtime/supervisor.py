"""Supervised processes: every process of a workload is started here, and none outlives the service.

A supervisor is one small process between the service and a workload (`supervisor_process.py`). A process
group would not do: torchrun starts its workers in sessions of their own, and a service killed by signal 9
cannot clean up.
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

from kennel.localcloud.dispatch.cloud import Cloud, TransientStore

PROGRAM = Path(__file__).resolve().with_name("supervisor_process.py")


class ProcessStartError(Exception):
    """A process could not be started; the text says which and why."""


class SupervisedProcess:
    """A process under a supervisor.

    Attributes
    ----------
    pid : int
        The child's own process id.
    stdout : IO[bytes] or None
        The reading end of its output when it was started with `subprocess.PIPE`; it ends when the last
        descendant that holds it is gone.
    """

    def __init__(
        self, supervisor: subprocess.Popen[bytes], argv: Sequence[str], stdout: IO[bytes] | None
    ) -> None:
        self._supervisor, self._lock = supervisor, threading.Lock()
        self.argv, self.stdout = list(argv), stdout
        self.returncode: int | None = None
        report = self._report()
        if "pid" not in report:
            supervisor.wait()
            raise ProcessStartError(
                f"{self.argv[0]} did not start: {report.get('error', 'its supervisor died')}"
            )
        self.pid: int = report["pid"]

    def _report(self) -> dict[str, Any]:
        line = self._supervisor.stdout.readline() if self._supervisor.stdout else b""
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
            status = self._supervisor.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        with self._lock:
            if self.returncode is None:
                # No report means that the supervisor itself was killed; the kernel then killed the child.
                self.returncode = self._report().get("returncode", status if status < 0 else -signal.SIGKILL)
                for pipe in (self._supervisor.stdin, self._supervisor.stdout):
                    if pipe:
                        with contextlib.suppress(BrokenPipeError):
                            pipe.close()
        return self.returncode

    def terminate(self, grace: float = 10.0) -> None:
        """Send SIGTERM to every process of it, SIGKILL to those left after `grace` seconds; do not wait."""
        self._send(f"terminate {grace}\n")

    def kill(self) -> None:
        """Kill every process of it at once; do not wait."""
        self._send("kill\n")

    def _send(self, command: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):  # it has ended already
            if self._supervisor.stdin:
                self._supervisor.stdin.write(command.encode())
                self._supervisor.stdin.flush()


class Supervisors(TransientStore):
    """Starts processes under supervisors and remembers them, so that a shutdown reaches them all."""

    everywhere = True

    def __init__(self) -> None:
        self._processes: list[SupervisedProcess] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: str | os.PathLike[str],
        env: Mapping[str, str],
        stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    ) -> SupervisedProcess:
        """Start a process under a supervisor.

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
        ProcessStartError
            The command could not be started, or the service is shutting down.
        """
        if self._closed:
            raise ProcessStartError(f"{argv[0]} was not started: the local cloud is shutting down")
        reading, writing = os.pipe() if stdout == subprocess.PIPE else (None, None)
        output = os.fdopen(reading, "rb") if reading is not None else None
        sink = writing if writing is not None else stdout
        try:
            supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if sink is None else sink,  # becomes the child's output
                env={},
                cwd="/",
                start_new_session=True,  # a Ctrl-C in the terminal reaches the service only
            )
        finally:
            if writing is not None:
                os.close(writing)
        specification = {
            "argv": [str(argument) for argument in argv],
            "cwd": str(Path(cwd).absolute()),
            "env": dict(env),
        }
        if supervisor.stdin:
            with contextlib.suppress(BrokenPipeError):
                supervisor.stdin.write(json.dumps(specification).encode() + b"\n")
                supervisor.stdin.flush()
        try:
            process = SupervisedProcess(supervisor, argv, output)
        except ProcessStartError:
            if output:
                output.close()  # not its descriptor alone: the file would close that number once more
            raise
        with self._lock:
            self._processes = [p for p in self._processes if p.poll() is None] + [process]
            if self._closed:
                process.kill()
        return process

    def alive(self) -> list[SupervisedProcess]:
        """Return the processes that still run."""
        with self._lock:
            return [process for process in self._processes if process.poll() is None]

    def stop_all(self, timeout: float = 10.0) -> None:
        """Kill everything, wait until it is gone, and start nothing any more."""
        self._closed = True
        for process in self.alive():
            process.kill()
        deadline = time.monotonic() + timeout
        for process in self.alive():
            process.wait(max(0.0, deadline - time.monotonic()))


def supervisors(cloud: Cloud) -> Supervisors:
    """Return the cloud's supervisors, which end every process at its shutdown."""

    def create() -> Supervisors:
        created = Supervisors()
        cloud.on_shutdown(created.stop_all)
        return created

    return cloud.store(Supervisors, create)
