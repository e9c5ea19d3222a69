"""A local cloud for the tests of its workloads, shared by the session; small roles and archives."""

from __future__ import annotations

import functools
import io
import json
import tarfile
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials

from kennel.localcloud import lifecycle
from kennel.localcloud.connection import administer

ACCOUNT = "123456789012"
ANYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


@functools.cache  # to make a client takes longer than most calls
def _client(
    service: str, endpoint: str, region: str, keys: ReadOnlyCredentials, settings: tuple[tuple[str, Any], ...]
) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **dict(settings)),
    )


@dataclass
class Stage:
    """A running local cloud and the operator's clients."""

    directory: Path
    environment: dict[str, str]
    pid: int

    def client(
        self, service: str, session: Credentials | None = None, region: str = "us-east-1", **config: Any
    ) -> Any:
        """Return a client of the operator, or of a role's session."""
        operator = self.environment
        keys = session or Credentials(operator["AWS_ACCESS_KEY_ID"], operator["AWS_SECRET_ACCESS_KEY"])
        return _client(
            service,
            operator["AWS_ENDPOINT_URL"],
            region,
            keys.get_frozen_credentials(),
            tuple(config.items()),
        )

    def time(self) -> float:
        """Return the time of its clock, which tests move ahead of the wall's."""
        return float(administer(self.environment, "clock")["time"])

    def role(self, service: str, statements: list[dict[str, Any]] | None = None) -> str:
        """Create a role that a service may assume, with a policy of these statements; return its ARN."""
        name = f"role-{uuid.uuid4().hex[:8]}"
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
        iam = self.client("iam")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        policy = {"Version": "2012-10-17", "Statement": ANYTHING if statements is None else statements}
        if policy["Statement"]:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        return arn

    def session(self, statements: list[dict[str, Any]]) -> Credentials:
        """Return credentials of a new role with a policy of these statements."""
        arn = self.role("ignored.amazonaws.com", statements)
        account = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [account]})
        self.client("iam").update_assume_role_policy(RoleName=arn.split("/")[-1], PolicyDocument=policy)
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="caller")["Credentials"]
        return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex[:8]}"
        self.client("s3").create_bucket(Bucket=name)
        return name

    def log_lines(self, group: str, prefix: str = "") -> list[str]:
        """Return every line in a log group, stream by stream."""
        logs = self.client("logs")
        try:
            streams = logs.describe_log_streams(
                logGroupName=group, **({"logStreamNamePrefix": prefix} if prefix else {})
            )["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def audit_log(self) -> list[dict[str, Any]]:
        lines = (self.directory / "audit-log.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


class DrivenClock:
    """The clock of the shared cloud, which stands still for a test."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def advance(self, seconds: float) -> float:
        """Move it forward, and return its time."""
        return float(administer(self._stage.environment, "clock", advance=seconds)["time"])


@pytest.fixture
def driven_clock(stage: Stage) -> Iterator[DrivenClock]:
    administer(stage.environment, "clock", speed=0)
    yield DrivenClock(stage)
    administer(stage.environment, "clock", speed=1)


def eventually(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Return the condition's first true value; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not so after {seconds:.0f} s: {value!r}")
        time.sleep(0.05)
    return value


def zipped(**files: str) -> bytes:
    """Return a zip of Python modules: name=source."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, source in files.items():
            archive.writestr(f"{name}.py", source)
    return buffer.getvalue()


def tarred(files: dict[str, str]) -> bytes:
    """Return a tar.gz of text files: path → content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    return buffer.getvalue()


def started(directory: Path, *, keep: bool = True) -> Stage:
    status = lifecycle.up(directory, port=0, keep=keep)
    assert status.pid is not None
    return Stage(directory, lifecycle.environment(status), status.pid)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("cloud")
    yield started(directory, keep=False)
    lifecycle.down(directory)
