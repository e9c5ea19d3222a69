"""How failures end: faults of the program are kept for a report, all others are one line."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from kennel import system_errors, terminal
from kennel.commands import failures
from kennel.commands.failures import reported
from kennel.errors import KennelError, UsageError


@pytest.fixture(autouse=True)
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(failures, "FAULTS", tmp_path / "faults")
    return tmp_path / "faults"


def ended(error: BaseException, *, verbose: bool = False) -> int:
    """Return the exit code of a task that raises an error."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as exit_, reported(verbose):
            raise error
    finally:
        signal.signal(signal.SIGTERM, handler)
    return int(exit_.value.code or 0)


def test_usage_is_2_other_failures_are_1_an_interruption_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert [ended(error) for error in (UsageError("a"), KennelError("b"), KeyboardInterrupt())] == [2, 1, 130]
    assert capsys.readouterr().err == "error a\nerror b\nerror interrupted\n"


def test_a_fault_asks_to_be_reported_with_its_traceback(
    capsys: pytest.CaptureFixture[str], faults: Path
) -> None:
    assert ended(ZeroDivisionError("division by zero")) == 1

    [file] = faults.iterdir()
    line = "error a fault of Kennel, not yours: ZeroDivisionError: division by zero"
    assert capsys.readouterr().err == f"{line}; please report it with {file}\n"
    assert "raise error" in file.read_text()


def test_a_fault_is_shown_where_its_file_cannot_be_written(
    capsys: pytest.CaptureFixture[str], faults: Path
) -> None:
    faults.write_text("no folder")

    assert ended(ZeroDivisionError("division by zero")) == 1

    assert "Traceback" in (printed := capsys.readouterr().err)
    assert "please report it with the lines above" in printed


def test_verbose_shows_the_traceback_of_any_error(capsys: pytest.CaptureFixture[str]) -> None:
    ended(KennelError("no data"), verbose=True)

    assert "Traceback" in capsys.readouterr().err


def test_a_full_disk_names_path_and_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "photos" / "dog.jpg")
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as exit_, reported(), terminal.progress("drawing"):
        raise error
    signal.signal(signal.SIGTERM, handler)

    assert exit_.value.code == 2
    assert f"the disk of {tmp_path} is full (drawing): " in capsys.readouterr().err


def test_space_is_required_before_a_step_begins(tmp_path: Path) -> None:
    system_errors.require_space(tmp_path / "new", 1, "a rehearsal")

    with pytest.raises(UsageError, match=r"a rehearsal needs 9000000000000 MB at .* MB more"):
        system_errors.require_space(tmp_path / "new", 9 * 10**18, "a rehearsal")


def test_a_dead_endpoint_names_the_task_that_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import EndpointConnectionError

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    message = failures.message_of(EndpointConnectionError(endpoint_url="http://127.0.0.1:9"))

    assert message is not None
    assert "./kennel local.up" in message
