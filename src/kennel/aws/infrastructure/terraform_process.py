"""A run of Terraform that does not outlive this process, however this process ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from kennel.aws import StackError

PROGRAM = Path(__file__).resolve().with_name("terraform_supervisor.py")
# From the task's death to Terraform's: enough to cancel what runs, to save the state and to free the lock.
GRACE_SECONDS = 30.0
ERRORED = "errored.tfstate"  # what Terraform writes to its working directory if it cannot save a state


class TerraformProcess:
    """Terraform under a supervisor (`terraform_supervisor.py`).

    Parameters
    ----------
    argv, cwd, env
        The command, its working directory and its whole environment.
    data_directory
        Where a state is moved to that Terraform could not save.
    record
        A locked file that Terraform and the supervisor hold as long as they run, and what to write to it.

    Attributes
    ----------
    pid : int
        Terraform's own process id.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        data_directory: Path,
        record: tuple[IO[Any], dict[str, Any]] | None = None,
    ) -> None:
        self._status: int | None = None
        self._lock = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        reading, writing = os.pipe()
        self._output = os.fdopen(reading, encoding="utf-8", errors="replace")
        specification: dict[str, Any] = {
            "argv": list(argv),
            "cwd": str(cwd),
            "env": dict(env),
            "stdout": writing,
            "stderr": self._errors.fileno(),
            "output": reading,
            "grace": GRACE_SECONDS,
            "errored": [str(cwd / ERRORED), str(data_directory / ERRORED)],
        }
        descriptors = [writing, self._errors.fileno(), reading]
        if record:
            specification |= {"record_file": record[0].fileno(), "record": record[1]}
            descriptors.append(record[0].fileno())
        try:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                pass_fds=descriptors,
                start_new_session=True,  # a Ctrl-C in the terminal reaches this process only
            )
        finally:
            os.close(writing)
        try:
            self._send(json.dumps(specification))
            report = self._report()
        except BaseException:  # Ctrl-C: Terraform may run already
            self.close()
            self._supervisor.wait()  # which interrupts Terraform, for its input has ended
            raise
        if "pid" not in report:
            self.close()
            if report.get("missing"):
                raise FileNotFoundError(argv[0])
            raise StackError(f"{argv[0]} did not start: {report.get('error', 'its supervisor was killed')}")
        self.pid: int = report["pid"]

    def lines(self) -> Iterator[str]:
        """Yield the lines of its standard output as they arrive, until all who write to it have ended."""
        for line in self._output:
            yield line.rstrip("\n")

    def errors(self) -> str:
        """Return what it has written to its standard error."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()

    def interrupt(self, grace: float | None = None) -> None:
        """Interrupt it once, and kill it with its providers after ``grace`` seconds, if given."""
        self._send("interrupt" if grace is None else f"interrupt {grace}")

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Interrupt it, and wait for its end, when an exception leaves the block."""
        try:
            yield
        except BaseException:
            self.interrupt()
            self.wait()
            raise

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it and its providers are gone; return its exit status, negative for a signal.

        Raises
        ------
        subprocess.TimeoutExpired
            It still runs after ``timeout`` seconds.
        """
        status = self._supervisor.wait(timeout)
        if self._status is None:
            # Without a report the supervisor was killed; the kernel then interrupted Terraform.
            self._status = self._report().get("status")
            if self._status is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                self._status = status if status < 0 else -signal.SIGKILL
        return self._status

    def close(self) -> None:
        """Close the pipes; what still runs is ended."""
        for pipe in (self._supervisor.stdin, self._supervisor.stdout, self._output, self._errors):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _report(self) -> dict[str, Any]:
        line = self._supervisor.stdout.readline() if self._supervisor.stdout else b""
        report: dict[str, Any] = json.loads(line) if line else {}
        return report

    def _send(self, command: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):  # it has ended already
            if self._supervisor.stdin:
                self._supervisor.stdin.write(command.encode() + b"\n")
                self._supervisor.stdin.flush()
