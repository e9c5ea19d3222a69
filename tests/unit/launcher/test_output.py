"""What the set-up prints about commands that run and that failed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from bootstrap import output
from bootstrap.environments import download_progress


def test_the_error_of_uv_is_summarized_with_the_address_and_its_last_cause() -> None:
    text = (
        "Using Python 3.11.7 environment at: .venv\n"
        "error: Request failed after 3 retries in 4.5s\n"
        "  cause: Failed to fetch: https://index.example/simple/six/\n"
        "  cause: client error (Connect)\n"
        "  cause: Connection refused (os error 111)\n"
    )
    assert output.summarize(text) == (
        "Request failed after 3 retries in 4.5s: Failed to fetch: https://index.example/simple/six/: "
        "Connection refused (os error 111)"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("error: no\n  Caused by: why\n", "no: why"),
        ("ERROR: one\nERROR: two\n", "two"),
        ("curl: (6) Could not resolve host\n", "curl: (6) Could not resolve host"),
        ("something\n\nTraceback\n  \n", "Traceback"),
        ("", ""),
    ],
)
def test_other_errors_are_summarized(text: str, expected: str) -> None:
    assert output.summarize(text) == expected


def test_downloads_are_reported_with_the_bytes_of_all() -> None:
    text = (
        "Resolved 217 packages in 1.19s\n"
        "Downloading torch (1024.0MiB)\nDownloading ruff (10.0MiB)\nDownloading triton (512.0MiB)\n"
        "   Building tiny==1.0\nDownloading pip (900.0KiB)\n Downloaded triton\n"
    )
    assert download_progress(text) == "downloading torch and 2 more, 0.5 of 1.6 GB"
    assert download_progress(f"{text} Downloaded torch\n Downloaded ruff\n Downloaded pip\n") == ""


def test_long_commands_are_reported_and_their_warnings_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(output, "REFRESH_SECONDS", 0.01)
    go = tmp_path / "go"
    script = 'echo WARNING; while [ ! -e "$0" ]; do sleep 0.01; done'

    def progress(text: str) -> str:
        if "WARNING" in text:
            go.touch()
            return "half of it"
        return "nothing yet"

    command = ["sh", "-c", script, go]
    output.run(command, "working", tmp_path / "log", environ=os.environ, progress=progress)
    errors = capsys.readouterr().err
    assert "kennel: working, 0 s, half of it\n" in errors
    assert "WARNING" not in errors
    assert "WARNING" in (tmp_path / "log").read_text()


def test_a_failed_command_is_an_error_with_its_own_output_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("error: of an earlier command\n")
    with pytest.raises(output.CommandError, match=r"^exit code 3, no message$"):
        output.run(["sh", "-c", "exit 3"], "working", log, environ=os.environ)


def test_an_exception_ends_the_command_and_its_children(tmp_path: Path) -> None:
    started = tmp_path / "started"
    read, write = os.pipe()
    os.set_inheritable(write, True)  # whatever runs holds it open

    def progress(_: str) -> str:
        if started.exists():
            raise output.Interrupted(signal.SIGINT)
        return ""

    command = ["sh", "-c", 'sleep 60 & touch "$0"; wait', started]
    with pytest.raises(output.Interrupted):
        output.run(command, "working", tmp_path / "log", environ=os.environ, progress=progress)
    os.close(write)
    began = time.monotonic()
    assert os.read(read, 1) == b""  # the end: all that held it have ended
    assert time.monotonic() - began < 30
    os.close(read)


def test_signals_that_are_ignored_stay_ignored() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        output.handle_signals()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert callable(signal.getsignal(signal.SIGTERM))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_signal_in_the_moment_of_a_start_ends_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def interrupted_popen(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        signal.raise_signal(signal.SIGTERM)
        return started[0]

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    output.handle_signals()
    monkeypatch.setattr(subprocess, "Popen", interrupted_popen)
    try:
        with pytest.raises(output.Interrupted):
            output.run(["sleep", "60"], "sleeping", tmp_path / "log", environ={"PATH": "/usr/bin:/bin"})
        assert started[0].poll() == -signal.SIGTERM
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
