"""How a task's failure ends: one line on standard error, and the exit code.

Exit code 2: the command line or the machine must be changed first. 1: the work failed. 130: interrupted.
An error that none of the rules below knows is a fault of the program: its traceback goes to a file, which the
line names.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from types import TracebackType
from typing import Any

from kennel import system_errors
from kennel.errors import KennelError, UsageError

FAULTS = system_errors.ROOT / "build" / "faults"
INTERRUPTED = 130


class reported:  # noqa: N801 - used like a function: with reported(verbose)
    """Report an error in one line and exit with its code."""

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose

    def __enter__(self) -> None:
        signal.signal(signal.SIGTERM, _interrupt)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, SystemExit | BrokenPipeError):
            return
        from kennel import terminal

        if self.verbose:
            traceback.print_exception(kind, error, trace)
        if isinstance(error, KeyboardInterrupt):
            terminal.print_error("interrupted")
            raise SystemExit(INTERRUPTED) from None
        code = error.exit_code if isinstance(error, KennelError) else 1
        message = message_of(error)
        if system_errors.must_be_changed_first(error):
            code = UsageError.exit_code
        terminal.print_error(message or _fault(error))
        raise SystemExit(code) from None


def message_of(error: BaseException) -> str | None:
    """Return the line for the user; None for a fault of the program."""
    if isinstance(error, KennelError):
        return str(error)
    if "botocore" in sys.modules and (message := _aws_message(error)):
        return message
    if isinstance(error, OSError):
        from kennel import terminal

        return system_errors.explain(error, terminal.current_step())
    return None


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _aws_message(error: BaseException) -> str | None:
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "no AWS credentials: run aws sso login (or aws configure), or rehearse with --env local"
    if isinstance(error, exceptions.ClientError):
        details = error.response["Error"]
        return f"AWS rejected {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            return (
                f"{error} Is the local cloud running? Ask ./kennel local.status, start it: ./kennel local.up"
            )
        return f"{error} Check the network and the proxy, or rehearse with --env local"
    if isinstance(error, exceptions.BotoCoreError):
        return f"AWS's SDK refused: {error}; check the configuration with aws configure list"
    return None


def _fault(error: BaseException) -> str:
    """Write the traceback of a fault of the program to a file; return the line that asks to report it."""
    kind = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    text = "".join(traceback.format_exception(error))
    path = FAULTS / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{' '.join(sys.argv)}\n\n{text}", encoding="utf-8")
    except OSError:
        sys.stderr.write(text)
        return f"a fault of Kennel, not yours: {kind}; please report it with the lines above"
    return f"a fault of Kennel, not yours: {kind}; please report it with {path}"
