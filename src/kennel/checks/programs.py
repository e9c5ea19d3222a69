"""Starts the programs that checks run, keeps what they print, and ends them when a person interrupts."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
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
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set, repr=False)
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
        ok = True
        # A file, not a pipe: a process that a test leaves behind would keep a pipe open for ever.
        with path.open("wb") as log:
            for command in commands:
                ok = self._run(command, log, path, progress, directory, variables or {}) == 0
                if not ok:
                    break
        return CheckResult(ok, path.read_text(encoding="utf-8", errors="replace"))

    def stop(self) -> None:
        """End all programs, as Ctrl-C does, and start no other."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            # The whole group, as a terminal does: pytest's workers stop what their fixtures started.
            _signal(process, signal.SIGINT)
        for process in running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)

    def _run(
        self,
        command: list[str],
        log: IO[bytes],
        path: Path,
        progress: Progress,
        directory: str,
        variables: dict[str, str],
    ) -> int:
        """Return the command's exit status."""
        with self._lock:
            if self._stopped:
                return -signal.SIGINT
            process = subprocess.Popen(
                command,
                cwd=self.root / directory,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,  # a Ctrl-C reaches each program once, from `stop`
            )
            self._running.add(process)
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(_REFRESH_SECONDS)
                progress(_last_line(path))
        finally:
            with self._lock:
                self._running.discard(process)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
