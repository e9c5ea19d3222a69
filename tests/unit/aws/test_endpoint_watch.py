"""A program that talks to an endpoint is ended when that has died, not after its own retries."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kennel.aws import StackError
from kennel.aws.infrastructure import endpoint_watch
from kennel.aws.infrastructure.terraform import Terraform
from kennel.aws.infrastructure.terraform_process import TerraformProcess

SLEEPER = "import pathlib, time\nwhile not pathlib.Path('end').exists(): time.sleep(0.02)"


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """Return a listening socket that is the configured endpoint; closed, it refuses connections."""
    monkeypatch.setattr(endpoint_watch, "INTERVAL_SECONDS", 0.02)
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    return listener


@pytest.fixture
def process(tmp_path: Path) -> Iterator[TerraformProcess]:
    argv = [sys.executable, "-c", SLEEPER]
    process = TerraformProcess(argv, cwd=tmp_path, env=os.environ, data_directory=tmp_path)
    yield process
    process.close()


def test_a_dead_endpoint_ends_the_program(endpoint: socket.socket, process: TerraformProcess) -> None:
    with endpoint_watch.watching(process) as watch:
        endpoint.close()
        process.wait(timeout=30)  # nothing else than a signal ends it

    assert "refuses connections" in watch.failure
    assert "./kennel local.up" in watch.failure


def test_a_program_that_ends_by_itself_is_left_alone(
    endpoint: socket.socket, process: TerraformProcess, tmp_path: Path
) -> None:
    with endpoint_watch.watching(process) as watch:
        (tmp_path / "end").touch()
        assert process.wait(timeout=30) == 0

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
