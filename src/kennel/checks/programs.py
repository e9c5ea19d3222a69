"""Starts the programs that checks run, keeps what they print, and ends them when a person interrupts."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from kennel.checks.check import RESULTS, CheckResult, Progress

STOP_SECONDS = 60.0  # what tests may take to stop the local clouds that they started
_REFRESH_SECONDS = 0.5
_TAIL_BYTES = 400
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")


@dataclass
class Programs:
    """The programs of one run of the checks.

    Parameters
    ----------
    root
        The checkout; each check's output goes to ``build/checks/NAME.log`` in it.
    """

    root: Path
    _running: set[_Program] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _stopped: bool = False

    def run(
        self,
        name: str,
        *commands: list[str],
        progress: Progress,
        directory: str = ".",
        variables: dict[str, str] | None = None,
    ) -> CheckResult:
        """Run commands one after the other until one fails.

        Parameters
        ----------
        name
            The check's, for its log.
        progress
            Receives the latest line of output.
        directory
            Where they run, relative to the checkout.
        variables
            Environment variables besides this process's own.
        """
        folder = self.root / RESULTS
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{_NOT_A_NAME.sub('-', name.lower()).strip('-')}.log"
        ok, processor_seconds = True, 0.0
        # A file, not a pipe: a process that a test leaves behind would keep a pipe open for ever.
        with path.open("wb") as log:
            for command in commands:
                status, seconds = self._run(command, log, path, progress, directory, variables or {})
                processor_seconds += seconds
                ok = status == 0
                if not ok:
                    break
        output = path.read_text(encoding="utf-8", errors="replace")
        return CheckResult(ok, output, processor_seconds=processor_seconds)

    def stop(self) -> None:
        """End all programs, as Ctrl-C does, and start no other."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for program in running:
            # The whole group, as a terminal does: pytest's workers stop what their fixtures started.
            program.signal(signal.SIGINT)
        for program in running:
            try:
                program.wait(STOP_SECONDS)
            except TimeoutError:
                program.signal(signal.SIGKILL)

    def _run(
        self,
        command: list[str],
        log: IO[bytes],
        path: Path,
        progress: Progress,
        directory: str,
        variables: dict[str, str],
    ) -> tuple[int, float]:
        """Return the command's exit status, and the processor seconds that it took."""
        with self._lock:
            if self._stopped:
                return -signal.SIGINT, 0.0
            process = subprocess.Popen(
                command,
                cwd=self.root / directory,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,  # a Ctrl-C reaches each program once, from `stop`
            )
            program = _Program(process)
            self._running.add(program)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    return program.wait(_REFRESH_SECONDS)
                progress(_last_line(path))
        finally:
            with self._lock:
                self._running.discard(program)


class _Program:
    """A program that runs. A thread waits for it: `Popen.wait` does not return the resources that it used."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ended: Future[tuple[int, float]] = Future()
        threading.Thread(target=self._wait, daemon=True).start()

    def wait(self, seconds: float) -> tuple[int, float]:
        """Return the exit status and the processor seconds, or raise TimeoutError.

        The seconds are those of the program and of all its descendants that were waited for when they ended.
        """
        return self._ended.result(seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program's group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _wait(self) -> None:
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)  # so that nothing waits for it again
        self._ended.set_result((self._process.returncode, usage.ru_utime + usage.ru_stime))


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
