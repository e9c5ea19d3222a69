"""Another user of the machine gets nothing: no file, no socket, no port, no credential of a process."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import socket
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kennel.localcloud import OPERATOR_ACCESS_KEY, service_record
from kennel.localcloud.connection import signed_headers
from kennel.localcloud.temporary_folder import RECORD

from .conftest import Stage
from .small_models import TOOLKIT_IMAGE, Endpoints
from .test_function import APP, Functions

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user"),
]
NOBODY = 65534
# The operator's secret before it was random.
ONCE_DOCUMENTED = "kennel-local-operator"
GET = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n"


def as_nobody(work: Callable[[], Any]) -> Any:
    """Return what a function returns in a process of the user ``nobody``."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def run() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        sender.send(work())

    process = context.Process(target=run)
    process.start()
    sender.close()
    try:
        return receiver.recv()
    finally:
        process.join(60)
        assert process.exitcode == 0


@dataclass(frozen=True)
class Running:
    """A local cloud in which a function and two endpoints serve."""

    stage: Stage
    processes: list[int]

    def listening(self) -> set[int]:
        """Return the TCP ports on which its processes listen."""
        inodes = set[str]()
        for pid in self.processes:
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                inodes.add(str(entry.readlink()) if entry.is_symlink() else "")
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        listening = [line for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in inodes]
        return {int(line[1].partition(":")[2], 16) for line in listening}


def tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children = [
        int(child)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for child in path.read_text().split()
    ]
    return [pid, *(each for child in children for each in tree(child))]


@pytest.fixture(scope="module")
def running(stage: Stage) -> Running:
    endpoints, functions = Endpoints(stage), Functions(stage)
    assert functions.invoke(functions.create(APP))["StatusCode"] == 200
    for image in ({}, {"Image": TOOLKIT_IMAGE}):
        endpoints.serving("x", **image)
    return Running(stage, tree(stage.pid))


@pytest.fixture
def own_port(stage: Stage) -> int:
    port = urlsplit(stage.environment["AWS_ENDPOINT_URL"]).port
    assert port is not None
    return port


def test_no_file_of_the_cloud_is_read(running: Running) -> None:
    directory = running.stage.directory
    temporary = Path((directory / RECORD).read_text())
    files = [path for folder in (directory, temporary) for path in [folder, *folder.rglob("*")]]
    assert {service_record.SECRET, service_record.RECORD, "audit-log.jsonl", "service.log"} <= {
        path.name for path in files
    }

    def read() -> list[str]:
        opened = []
        for path in files:
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            except OSError:
                continue
            opened.append(str(path))
        return opened

    assert as_nobody(read) == []
    assert stat.S_IMODE(directory.stat().st_mode) == stat.S_IMODE(temporary.stat().st_mode) == 0o700


def test_no_socket_of_a_model_server_is_reached(running: Running) -> None:
    temporary = Path((running.stage.directory / RECORD).read_text())
    sockets = [path for path in temporary.iterdir() if path.is_socket()]
    assert len(sockets) >= 2

    def connect() -> list[str]:
        connected = []
        for path in sockets:
            with socket.socket(socket.AF_UNIX) as client:
                if not client.connect_ex(str(path)):
                    connected.append(path.name)
        return connected

    assert as_nobody(connect) == []


def test_no_port_but_the_service_s_answers(running: Running, own_port: int) -> None:
    others = running.listening() - {own_port}
    assert others  # of the function's Runtime API

    def ask() -> list[bytes]:
        answers = []
        for port in others:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
                try:
                    client.sendall(GET)
                    answers.append(client.recv(1024))
                except ConnectionError:
                    answers.append(b"")
        return answers

    assert set(as_nobody(ask)) == {b""}


def test_the_port_gives_nothing_without_the_secret(running: Running, own_port: int) -> None:
    url = running.stage.environment["AWS_ENDPOINT_URL"]
    guess = {"AWS_ENDPOINT_URL": url, "AWS_SECRET_ACCESS_KEY": ONCE_DOCUMENTED}
    paths = {"/_kennel/clock?advance=9": "POST", "/_kennel/audit-log": "GET", "/_kennel/status": "GET"}
    requests = [(method, path, {}) for path, method in paths.items()] + [
        (method, path, signed_headers(guess, method, url + path)) for path, method in paths.items()
    ]
    requests += [
        ("GET", path, {}) for path in ("/", "/latest/meta-data/iam/security-credentials/", "/bucket/key")
    ]

    def ask() -> list[tuple[int, bytes]]:
        answers = []
        for method, path, headers in requests:
            connection = http.client.HTTPConnection("127.0.0.1", own_port, timeout=20)
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            answers.append((response.status, response.read()))
        return answers

    answered = dict(
        zip([(path, bool(headers)) for _, path, headers in requests], as_nobody(ask), strict=True)
    )
    status, content = answered.pop(("/_kennel/status", False))
    assert (status, set(json.loads(content))) == (200, {"ready", "pid", "now"})
    assert {status for status, _ in answered.values()} <= {403, 404}


def test_an_sdk_with_the_secret_of_earlier_versions_is_refused(running: Running) -> None:
    from botocore.credentials import Credentials
    from botocore.exceptions import ClientError

    client = running.stage.client("sts", Credentials(OPERATOR_ACCESS_KEY, ONCE_DOCUMENTED))

    def ask() -> str:
        try:
            return str(client.get_caller_identity()["Arn"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    assert as_nobody(ask) == "SignatureDoesNotMatch"


def test_no_process_shows_a_credential(running: Running) -> None:
    secret = running.stage.environment["AWS_SECRET_ACCESS_KEY"].encode()

    def look() -> tuple[list[int], list[int], list[int]]:
        environments, commands, signalled = [], [], []
        for pid in running.processes:
            try:
                Path(f"/proc/{pid}/environ").read_bytes()
                environments.append(pid)
            except OSError:
                pass
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if secret in command or b"ASIA" in command:
                commands.append(pid)
            try:
                os.kill(pid, 0)
                signalled.append(pid)
            except PermissionError:
                pass
        return environments, commands, signalled

    assert len(running.processes) >= 5  # the service, supervisors, a sandbox, model servers
    assert as_nobody(look) == ([], [], [])
