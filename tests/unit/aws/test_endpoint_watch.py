"""A program that talks to an endpoint is ended when that has died, not after its own retries."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.aws import StackError, endpoint_watch
from kennel.aws.terraform import Terraform

SLEEPER = "import sys, time\nprint('started', flush=True)\nsys.stdin.read()"


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """Return a listening socket that is the configured endpoint; closed, it refuses connections."""
    monkeypatch.setattr(endpoint_watch, "INTERVAL_SECONDS", 0.02)
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    return listener


def started() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def test_a_dead_endpoint_ends_the_program(endpoint: socket.socket) -> None:
    process = started()
    with endpoint_watch.watching(process) as watch:
        endpoint.close()
        process.wait(timeout=30)  # its standard input stays open: only a signal ends it

    assert "refuses connections" in watch.failure
    assert "./kennel local.up" in watch.failure


def test_a_program_that_ends_by_itself_is_left_alone(endpoint: socket.socket) -> None:
    process = started()
    with endpoint_watch.watching(process) as watch:
        process.communicate("", timeout=10)

    assert process.returncode == 0
    assert not watch.failure
    endpoint.close()


def test_terraform_is_ended_with_the_cause(endpoint: socket.socket, tmp_path: Path) -> None:
    binary = tmp_path / "terraform"
    binary.write_text(f"#!{sys.executable}\nimport time\nprint('{{}}', flush=True)\ntime.sleep(600)\n")
    binary.chmod(0o755)
    endpoint.close()
    terraform = Terraform(tmp_path, tmp_path / "data", [], binary=str(binary))

    with pytest.raises(StackError, match=r"terraform apply: http://127\.0\.0\.1:\d+ refuses connections"):
        terraform.apply()
