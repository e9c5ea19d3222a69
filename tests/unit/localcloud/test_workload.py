"""Workloads: processes with the rights of a role, whose output reaches CloudWatch Logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from werkzeug.serving import make_server

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.logs import BATCH_BYTES, LogStream
from kennel.localcloud.runtime.ports import free_port
from kennel.localcloud.runtime.role_session import RoleSession, role_session
from kennel.localcloud.runtime.supervisor import ProcessStartError
from kennel.localcloud.runtime.workload import Workload
from kennel.localcloud.server.main import application

SOURCE = Path(__file__).parents[3] / "src"
SERVICE, GROUP = "sagemaker.amazonaws.com", "/tests/workloads"
LOGS_ALLOWED = [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with mock.patch.dict(os.environ):  # Cloud sets moto's variables
        cloud = Cloud(tmp_path_factory.mktemp("cloud"), free_port())
        server = make_server("127.0.0.1", cloud.port, application(cloud)[0], threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield cloud
        cloud.shutdown()
        server.shutdown()
        thread.join(10)
        server.server_close()


def session_of_role(
    cloud: Cloud, statements: list[dict[str, Any]] = LOGS_ALLOWED, service: str = SERVICE
) -> RoleSession:
    """Return the session of a new role that `service` may assume."""
    from moto.iam.models import iam_backends

    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam, name = iam_backends[cloud.account]["aws"], f"role-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(name, "p", document)
    return role_session(cloud, role.arn, SERVICE, "Tests")


def stream_of(session: RoleSession) -> LogStream:
    return LogStream(session, GROUP, uuid.uuid4().hex, interval=0.05)


def events_of(cloud: Cloud, log: LogStream) -> list[str]:
    """Return the messages of a log stream, as CloudWatch Logs holds them."""
    from moto.logs.models import logs_backends

    group = logs_backends[cloud.account][cloud.region].groups.get(log.group)
    stream = group.streams.get(log.stream) if group else None
    return [event.message for event in stream.events] if stream else []


def start(workload: Workload, folder: Path, code: str) -> None:
    workload.start([sys.executable, "-c", code], cwd=folder, env=workload.environment())


def eventually(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_lines_reach_the_log_stream_and_the_consumer(cloud: Cloud, tmp_path: Path) -> None:
    session, received = session_of_role(cloud), list[str]()
    log = stream_of(session)
    workload = Workload(cloud, session, log, received.append)
    start(workload, tmp_path, "import sys; print('first'); print(); print('second'); sys.exit(3)")
    assert workload.wait(30) == 3
    workload.close()
    assert received == ["first", "", "second"]
    assert events_of(cloud, log) == ["first", "second"]  # CloudWatch refuses empty events
    assert log.failure == ""


def test_lines_arrive_while_the_process_runs(cloud: Cloud, tmp_path: Path) -> None:
    session = session_of_role(cloud)
    log = stream_of(session)
    workload = Workload(cloud, session, log)
    start(workload, tmp_path, "import time; print('working', flush=True); time.sleep(300)")
    assert eventually(lambda: events_of(cloud, log) == ["working"])
    assert workload.alive
    workload.terminate(0)
    assert workload.wait(30) == workload.exit_status == -signal.SIGKILL
    workload.close()


def test_the_process_has_the_rights_of_its_role(cloud: Cloud, tmp_path: Path) -> None:
    session, received = session_of_role(cloud), list[str]()
    workload = Workload(cloud, session, receive=received.append)
    start(workload, tmp_path, "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])")
    assert workload.wait(60) == 0
    workload.close()
    role_name = session.role_arn.split("/")[-1]
    assert received == [f"arn:aws:sts::{cloud.account}:assumed-role/{role_name}/Tests"]


def test_a_role_that_cannot_be_assumed_gives_no_environment_and_loses_the_log(cloud: Cloud) -> None:
    session = session_of_role(cloud, service="ec2.amazonaws.com")
    log = stream_of(session)
    workload = Workload(cloud, session, log)
    with pytest.raises(AwsError, match="is not authorized to perform: sts:AssumeRole"):
        workload.environment()
    log.write("lost")
    workload.close()
    assert "is not authorized to perform: sts:AssumeRole" in log.failure
    assert not workload.started


def test_a_role_without_the_right_to_write_logs_still_runs(cloud: Cloud, tmp_path: Path) -> None:
    session, received = session_of_role(cloud, statements=[]), list[str]()
    log = stream_of(session)
    workload = Workload(cloud, session, log, received.append)
    start(workload, tmp_path, "print('unheard')")
    assert workload.wait(30) == 0
    workload.close()
    assert received == ["unheard"]
    assert events_of(cloud, log) == []
    assert "logs:PutLogEvents" in log.failure


def test_a_program_that_does_not_start_is_named_and_another_can_follow(cloud: Cloud, tmp_path: Path) -> None:
    session = session_of_role(cloud)
    log = stream_of(session)
    workload = Workload(cloud, session, log)
    with pytest.raises(ProcessStartError, match="no-such-program did not start: No such file"):
        workload.start(["no-such-program"], cwd=tmp_path, env=workload.environment())
    assert (workload.started, workload.alive, workload.exit_status) == (False, False, None)
    start(workload, tmp_path, "print('started')")
    assert workload.wait(30) == 0
    workload.close()
    assert events_of(cloud, log) == ["started"]


def test_a_second_process_continues_the_log_stream(cloud: Cloud, tmp_path: Path) -> None:
    session = session_of_role(cloud)
    log = stream_of(session)
    workload = Workload(cloud, session, log)
    for number in (1, 2):
        start(workload, tmp_path, f"print('process {number}')")
        assert workload.wait(30) == 0
        workload.join_output()
    workload.close()
    assert events_of(cloud, log) == ["process 1", "process 2"]


def test_output_longer_than_a_batch_arrives_whole_and_in_order(cloud: Cloud, tmp_path: Path) -> None:
    session = session_of_role(cloud)
    log = stream_of(session)
    workload = Workload(cloud, session, log)
    count, padding = 12_000, 200  # more events than a batch takes, and more bytes
    assert count * padding > 2 * BATCH_BYTES
    start(workload, tmp_path, f"for number in range({count}): print(number, 'x' * {padding})")
    assert workload.wait(30) == 0
    workload.close()
    assert log.failure == ""
    assert [int(event.split()[0]) for event in events_of(cloud, log)] == list(range(count))


def test_drain_passes_on_what_the_process_has_written(cloud: Cloud, tmp_path: Path) -> None:
    received: list[str] = []
    workload = Workload(cloud, session_of_role(cloud), receive=received.append)
    code = (
        "import time; from pathlib import Path; print('before', flush=True); Path('written').touch(); "
        "time.sleep(300)"
    )
    start(workload, tmp_path, code)
    assert eventually((tmp_path / "written").exists)
    workload.drain()
    assert received == ["before"]
    workload.close()
    assert not workload.alive


def test_the_end_of_the_output_is_dated(cloud: Cloud, tmp_path: Path) -> None:
    workload = Workload(cloud, session_of_role(cloud))
    assert workload.output_ended_at == float("inf")
    before = time.time()
    start(workload, tmp_path, "pass")
    workload.wait(30)
    workload.join_output()
    assert before <= workload.output_ended_at <= time.time()
    workload.close()


SERVICE_PROGRAM = """
import sys, time
from pathlib import Path
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.runtime.workload import Workload
cloud = Cloud(Path("cloud"), 1)
workload = Workload(cloud, RoleSession(cloud, "arn", "sagemaker.amazonaws.com", "Tests"))
workload.start(["sleep", "300"], cwd=Path("."), env={"PATH": "/usr/bin:/bin"})
print(workload.pid, flush=True)
time.sleep(300)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_service_leaves_no_workload(tmp_path: Path) -> None:
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE_PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
    )
    try:
        assert service.stdout is not None
        status = Path(f"/proc/{int(service.stdout.readline())}/stat")
        assert status.exists()
    finally:
        service.kill()
        service.communicate()
    assert eventually(lambda: not status.exists())


def test_the_shutdown_of_the_cloud_ends_its_workloads(tmp_path: Path) -> None:
    with mock.patch.dict(os.environ):
        cloud = Cloud(tmp_path / "another cloud", 1)
        workload = Workload(cloud, RoleSession(cloud, "arn", SERVICE, "Tests"))
        workload.start(["sleep", "300"], cwd=tmp_path, env={"PATH": os.environ["PATH"]})
        cloud.shutdown()
        assert workload.exit_status == -signal.SIGKILL
        with pytest.raises(ProcessStartError, match="the local cloud is shutting down"):
            workload.start(["sleep", "300"], cwd=tmp_path, env={"PATH": os.environ["PATH"]})
