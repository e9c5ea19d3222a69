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
from kennel.localcloud.connection import administer, read_status
from kennel.localcloud.persistence import snapshot_file


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


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[lifecycle.Status]]:
    """Start a service twice at once; return what both starts report. Tests that leave it alone share it."""
    directory = tmp_path_factory.mktemp("lifecycle") / "cloud"
    with ThreadPoolExecutor(2) as pool:
        yield list(pool.map(lambda port: lifecycle.up(directory, port), (0, 0)))
    lifecycle.down(directory)


@pytest.fixture(scope="module")
def running(starts: list[lifecycle.Status]) -> lifecycle.Status:
    return starts[0]


def test_two_starts_at_once_start_one(starts: list[lifecycle.Status]) -> None:
    first, second = starts
    assert first == second
    assert first.ready
    assert first.pid is not None


def test_up_twice_is_up_once(running: lifecycle.Status) -> None:
    directory = Path(running.directory)
    assert lifecycle.status(directory) == running
    assert lifecycle.up(directory) == running
    with pytest.raises(LocalCloudError, match=r"already runs on port .*local\.down"):
        lifecycle.up(directory, running.port + 1 if running.port else 1)


def test_the_clock_of_a_running_service_is_moved_and_set(running: lifecycle.Status) -> None:
    directory, variables = Path(running.directory), lifecycle.environment(running)
    assert running.speed == 1
    driven = lifecycle.up(directory, speed=0)
    assert (driven.pid, driven.speed) == (running.pid, 0)
    shown = administer(variables, "clock")
    assert administer(variables, "clock", advance=900)["time"] == shown["time"] + 900
    assert administer(variables, "clock", advance=0)["time"] == shown["time"] + 900
    with pytest.raises(LocalCloudError, match="a clock moves forward"):
        administer(variables, "clock", advance=-1)
    with pytest.raises(LocalCloudError, match="from 0 to 3600"):
        administer(variables, "clock", speed=1e9)
    assert lifecycle.up(directory, speed=1).speed == 1
    with pytest.raises(LocalCloudError, match="no local cloud answers on port"):
        administer({**variables, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "clock")


def test_records_and_lines_of_logs_have_the_clock_s_time_and_signatures_the_wall_s(
    running: lifecycle.Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, variables = Path(running.directory), lifecycle.environment(running)
    for name, value in lifecycle.environment(running).items():
        monkeypatch.setenv(name, value)
    lifecycle.up(directory, speed=0)
    shown = administer(variables, "clock", advance=86_400)["time"]
    logs, sts = boto3.client("logs"), boto3.client("sts")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    assert logs.describe_log_groups()["logGroups"][0]["creationTime"] == int(shown * 1000)
    event = {"timestamp": int(shown * 1000), "message": "a line"}
    assert "rejectedLogEventsInfo" not in logs.put_log_events(
        logGroupName="g", logStreamName="s", logEvents=[event]
    )
    assert sts.get_caller_identity()["Account"] == "123456789012"
    assert lifecycle.up(directory, speed=1).speed == 1


def test_down_when_not_up_says_so(directory: Path) -> None:
    lines: list[str] = []
    assert not lifecycle.down(directory, lines.append)
    assert lines == ["not running"]


def test_an_sdk_requires_its_environment_only(
    running: lifecycle.Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = lifecycle.environment(running)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert environment["TF_VAR_s3_use_path_style"] == "true"


def test_a_service_that_does_not_run_has_no_environment(directory: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"not running: start it with \./kennel local\.up"):
        lifecycle.environment(lifecycle.status(directory))


def test_a_taken_port_is_named_with_its_holder(running: lifecycle.Status, tmp_path: Path) -> None:
    holder = f"port {running.port} .*a local cloud .process {running.pid}..*--port 0"
    with pytest.raises(LocalCloudError, match=holder):
        lifecycle.up(tmp_path / "second", running.port)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LocalCloudError, match=f"port {port} .* is taken by another program"):
            lifecycle.up(tmp_path / "second", port)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system does not list sockets there")
def test_it_listens_on_the_loopback_only(running: lifecycle.Status) -> None:
    assert running.port is not None
    port = f"{running.port:04X}"
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {
        line[1].split(":")[0] for line in listening if line[3] == "0A" and line[1].endswith(f":{port}")
    }
    assert addresses == {"0100007F"}


def test_a_killed_service_is_reported_started_again_and_stopped(directory: Path) -> None:
    lines: list[str] = []
    first = lifecycle.up(directory, 0, lines.append)
    assert lines[-1] == f"up on {first.endpoint_url}"
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    wait_for_end(first.pid)
    assert lifecycle.status(directory).note.startswith("killed")
    lines.clear()
    second = lifecycle.up(directory, 0, lines.append)
    assert second.ready
    assert second.pid not in (None, first.pid)
    assert "killed" in lines[0]
    assert lifecycle.down(directory)
    assert not alive(second.pid or 0)
    assert lifecycle.status(directory).note == "not running"
    assert not (directory / service_record.RECORD).exists()


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
def test_a_full_disk_below_the_audit_log_is_reported_calls_are_answered_and_sigterm_is_an_orderly_end(
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

    assert up.pid is not None
    os.kill(up.pid, signal.SIGTERM)
    wait_for_end(up.pid)
    assert not (directory / service_record.RECORD).exists()
    assert "stopped" in (directory / lifecycle.LOG).read_text()


def settled(status: lifecycle.Status) -> None:
    """Wait until a snapshot holds every change."""
    deadline = time.monotonic() + 60
    while True:
        if not (read_status(lifecycle.environment(status)) or {"unsaved_changes": True})["unsaved_changes"]:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_it_holds_survives_a_kill_and_a_stop_until_it_is_reset(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lifecycle.up(directory, 0)
    for name, value in lifecycle.environment(first).items():
        monkeypatch.setenv(name, value)
    storage = boto3.client("s3")
    storage.create_bucket(Bucket="photos")
    storage.put_object(Bucket="photos", Key="dog.jpg", Body=b"a dog")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = boto3.client("iam").create_role(RoleName="kept", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    session = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    settled(first)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    wait_for_end(first.pid)

    lines: list[str] = []
    second = lifecycle.up(directory, progress=lines.append)
    assert second.port == first.port  # what was exported goes on working
    assert any(line.startswith("restoring what it held at") for line in lines)
    assert storage.get_object(Bucket="photos", Key="dog.jpg")["Body"].read() == b"a dog"
    again = boto3.client(
        "sts",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    assert again.get_caller_identity()["Arn"].endswith("assumed-role/kept/tests")

    storage.put_object(Bucket="photos", Key="cat.jpg", Body=b"a cat")
    with pytest.raises(LocalCloudError, match=r"runs: stop it with \./kennel local\.down"):
        lifecycle.reset(directory)
    lifecycle.down(directory)  # at once: the end itself saves
    with (
        socket.create_server(("127.0.0.1", first.port or 0)),
        pytest.raises(LocalCloudError, match=f"It ran on port {first.port} before"),
    ):
        lifecycle.up(directory)
    lifecycle.up(directory)
    assert storage.get_object(Bucket="photos", Key="cat.jpg")["Body"].read() == b"a cat"

    lifecycle.down(directory)
    snapshot = directory / snapshot_file.FOLDER / snapshot_file.SNAPSHOT
    whole = snapshot.read_bytes()
    snapshot.write_bytes(whole[:-100])
    with pytest.raises(LocalCloudError, match=r"cannot be read from .*\./kennel local\.reset") as refused:
        lifecycle.up(directory)
    assert "\n" not in str(refused.value)
    assert snapshot.read_bytes() == whole[:-100]
    assert lifecycle.reset(directory)
    assert not directory.exists()
    assert not lifecycle.reset(directory)


def test_a_cloud_that_keeps_nothing_saves_nothing_at_its_end(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in lifecycle.environment(lifecycle.up(directory, 0, keep=False)).items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="photos")
    lifecycle.down(directory)
    assert not (directory / snapshot_file.FOLDER / snapshot_file.SNAPSHOT).exists()


def test_a_folder_that_is_no_local_cloud_s_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LocalCloudError, match=r"is not a local cloud's folder"):
        lifecycle.reset(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
