"""Messages to the person, and commands that run quietly below a line that shows their progress."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TERMINAL = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
REFRESH_SECONDS = 0.2  # of the line on a terminal
REPORT_SECONDS = 15.0  # between two lines where stderr is a file or a pipe
CLEAR_LINE = "\r\033[K"


class SetupError(Exception):
    """What prevents the set-up, with the remedy, in one line."""


class CommandError(Exception):
    """A command failed; the text is its error, in one line."""


class Interrupted(BaseException):
    """A signal asked the set-up to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Start:
    """The start of a program: a signal that comes meanwhile counts once the program can be ended."""

    under_way = False
    signal = 0

    def begin(self) -> None:
        self.under_way, self.signal = True, 0

    def end(self) -> None:
        self.under_way = False
        if self.signal:
            raise Interrupted(self.signal)


_start = _Start()


def handle_signals() -> None:
    """Raise :class:`Interrupted` at the first signal that asks for an end, and ignore all further ones.

    A signal that is ignored already stays ignored: ``nohup`` ignores SIGHUP, a shell's background job SIGINT.
    """
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) != signal.SIG_IGN
    ]

    def interrupt(number: int, _: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        if not _start.under_way:
            raise Interrupted(number)
        _start.signal = number

    for number in numbers:
        signal.signal(number, interrupt)


def print_message(message: str) -> None:
    """Print one line to stderr: stdout belongs to the task."""
    print(f"kennel: {message}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    label: str,
    log: Path,
    *,
    environ: Mapping[str, str],
    progress: Callable[[str], str] = lambda text: "",
) -> None:
    """Run a command to its end; its output goes to the log, a line about its progress to stderr.

    Parameters
    ----------
    command, environ
        The program with its arguments, and its environment variables.
    label
        What the command does.
    log
        The file that its output is appended to.
    progress
        Turns the command's output so far into words about its progress, or none.

    Raises
    ------
    CommandError
        If it does not end with exit code 0.
    """
    with log.open("ab") as output:
        begin = output.tell()
        _start.begin()
        # A session of its own: an interruption must reach the compilers that an installer may start.
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environ,
                close_fds=False,  # the lock stays open in it: whatever still installs keeps other set-ups out
                start_new_session=True,
            )
        except OSError:
            _start.end()
            raise

    def text() -> str:
        with log.open("rb") as file:
            file.seek(begin)
            return file.read().decode(errors="replace")

    try:
        _start.end()
        _report_until_end(process, label, lambda: progress(text()))
    except BaseException:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it may have ended by itself just now
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    finally:
        if TERMINAL:
            print(CLEAR_LINE, end="", file=sys.stderr, flush=True)
    if process.returncode:
        raise CommandError(summarize(text()) or f"exit code {process.returncode}, no message")


def _report_until_end(process: subprocess.Popen[bytes], label: str, progress: Callable[[], str]) -> None:
    """Wait for the process, and print how far it is at each interval."""
    started = reported = time.monotonic()
    while True:
        try:
            process.wait(REFRESH_SECONDS)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            line = ", ".join(filter(None, (f"{label}, {now - started:.0f} s", progress())))
            if TERMINAL:
                width = shutil.get_terminal_size().columns - 3
                print(f"{CLEAR_LINE}  {line[:width]}", end="", file=sys.stderr, flush=True)
            elif now - reported >= REPORT_SECONDS:
                reported = now
                print_message(line)
        else:
            return


def summarize(text: str) -> str:
    """Return the error in a command's output as one line: the last error, the address, the last cause.

    uv prints ``error: ...`` and below it one ``cause: ...`` (earlier releases: ``Caused by: ...``) for each
    level; pip prints ``ERROR: ...``, curl ``curl: (6) ...``. Without any of these it is the last line.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [i for i, line in enumerate(lines) if line.lower().startswith(("error:", "curl:"))]
    if not errors:
        return lines[-1] if lines else ""
    causes = [
        line.split(":", 1)[1].strip()
        for line in lines[errors[-1] + 1 :]
        if line.lower().startswith(("cause:", "caused by:"))
    ]
    error = lines[errors[-1]]
    if not error.startswith("curl:"):
        error = error.split(":", 1)[1].strip()
    addresses = [cause for cause in causes if cause.startswith("Failed to fetch")]
    return ": ".join(dict.fromkeys([error, *addresses, *causes[-1:]]))
