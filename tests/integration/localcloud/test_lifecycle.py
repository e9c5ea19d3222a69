"""The service starts, reports its status, stops, and names what prevents it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from kennel.localcloud import AUDIT_LOG, LocalCloudError, lifecycle, service_record


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cloud"
    lifecycle.down(tmp_path / "cloud")


def alive(pid: int) -> bool:
    return service_record.process_start(pid) is not None


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


def test_up_status_down(directory: Path) -> None:
    lines: list[str] = []
    up = lifecycle.up(directory, 0, lines.append)
    assert up.ready
    assert up.pid is not None
    assert lifecycle.status(directory) == up
    assert lines[-1] == f"up on {up.endpoint_url}"
    assert lifecycle.down(directory)
    assert not alive(up.pid)
    assert lifecycle.status(directory).note == "not running"
    assert not (directory / service_record.RECORD).exists()


def test_up_twice_is_up_once(directory: Path) -> None:
    first = lifecycle.up(directory, 0)
    assert lifecycle.up(directory) == first
    with pytest.raises(LocalCloudError, match=r"already runs on port .*local\.down"):
        lifecycle.up(directory, first.port + 1 if first.port else 1)


def test_down_when_not_up_says_so(directory: Path) -> None:
    lines: list[str] = []
    assert not lifecycle.down(directory, lines.append)
    assert lines == ["not running"]


def test_an_sdk_requires_its_environment_only(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = lifecycle.environment(lifecycle.up(directory, 0))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert environment["TF_VAR_s3_use_path_style"] == "true"


def test_two_starts_at_once_start_one(directory: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda port: lifecycle.up(directory, port), (0, 0))
    assert first == second


def test_a_service_that_does_not_run_has_no_environment(directory: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"not running: start it with \./kennel local\.up"):
        lifecycle.environment(lifecycle.status(directory))


def test_a_taken_port_is_named_with_its_holder(directory: Path, tmp_path: Path) -> None:
    up = lifecycle.up(directory, 0)
    with pytest.raises(LocalCloudError, match=f"port {up.port} .*the local cloud of {directory}.*--port 0"):
        lifecycle.up(tmp_path / "second", up.port)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LocalCloudError, match=f"port {port} .* is taken by another program"):
            lifecycle.up(tmp_path / "second", port)


def test_a_killed_service_is_reported_and_started_again(directory: Path) -> None:
    first = lifecycle.up(directory, 0)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    wait_for_end(first.pid)
    assert lifecycle.status(directory).note.startswith("killed")
    lines: list[str] = []
    second = lifecycle.up(directory, 0, lines.append)
    assert second.ready
    assert second.pid != first.pid
    assert "killed" in lines[0]


def test_another_process_with_the_recorded_number_is_left_alone(directory: Path) -> None:
    directory.mkdir()
    bystander = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    try:
        record = {
            "pid": bystander.pid,
            "port": 1,
            "endpoint_url": "http://127.0.0.1:1",
            "process_start": "long ago",
        }
        (directory / service_record.RECORD).write_text(json.dumps(record))
        assert not lifecycle.status(directory).ready
        assert not lifecycle.down(directory)
        assert bystander.poll() is None
    finally:
        bystander.communicate()


def test_a_file_that_is_no_record_is_named(directory: Path) -> None:
    directory.mkdir()
    (directory / service_record.RECORD).write_text("{")
    with pytest.raises(LocalCloudError, match=r"service\.json is not a service record: delete it"):
        lifecycle.status(directory)
    (directory / service_record.RECORD).unlink()


def test_the_error_of_a_failed_start_shows_the_end_of_the_log(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken" / "moto"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('no moto today')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    with pytest.raises(LocalCloudError, match="no moto today"):
        lifecycle.up(directory, 0)
    assert lifecycle.status(directory).note == "not running"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system does not list sockets there")
def test_it_listens_on_the_loopback_only(directory: Path) -> None:
    up = lifecycle.up(directory, 0)
    assert up.port is not None
    port = f"{up.port:04X}"
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {
        line[1].split(":")[0] for line in listening if line[3] == "0A" and line[1].endswith(f":{port}")
    }
    assert addresses == {"0100007F"}


def test_sigterm_is_an_orderly_end(directory: Path) -> None:
    up = lifecycle.up(directory, 0)
    assert up.pid is not None
    os.kill(up.pid, signal.SIGTERM)
    wait_for_end(up.pid)
    assert not (directory / service_record.RECORD).exists()
    assert "stopped" in (directory / lifecycle.LOG).read_text()


def services_of(directory: Path) -> list[int]:
    """Return the processes whose command line names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and os.fsencode(directory) in (entry / "cmdline").read_bytes().split(
                b"\0"
            ):
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="this system does not list processes there"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["the process runs", "it listens"])
def test_an_interrupted_start_leaves_no_service(directory: Path, number: int, moment: str) -> None:
    code = "import sys; from pathlib import Path; from kennel.localcloud import lifecycle\n"
    code += "lifecycle.up(Path(sys.argv[1] + '/cloud'), 0); print('it is up')"
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(directory.parent)], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not (running := services_of(directory)) or (
        moment == "it listens" and not (directory / service_record.RECORD).exists()
    ):
        assert time.monotonic() < deadline
        assert starter.poll() is None
        time.sleep(0.002)

    starter.send_signal(number)

    output, _ = starter.communicate(timeout=40)
    if output:  # the start was completed just before the signal came
        assert lifecycle.down(directory)
    wait_for_end(running[0])
    assert not services_of(directory)
    assert not (directory / service_record.RECORD).exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that is always full")
def test_a_full_disk_below_the_audit_log_is_reported_and_calls_are_answered(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.mkdir()
    (directory / AUDIT_LOG).symlink_to("/dev/full")
    up = lifecycle.up(directory, 0)
    for name, value in lifecycle.environment(up).items():
        monkeypatch.setenv(name, value)

    assert boto3.Session().client("s3").list_buckets()["Buckets"] == []

    note = lifecycle.status(directory).note
    assert "1 entries of the audit log could not be written" in note
    assert "No space left on device" in note
