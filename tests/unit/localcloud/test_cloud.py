"""A workload's environment: its role's credentials, if the role trusts the service, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.role_session import role_credentials
from kennel.localcloud.runtime.workload import workload_environment


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in ("MOTO_PORT", "MOTO_ACCOUNT_ID"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    cloud = Cloud(tmp_path, 4510)
    yield cloud
    cloud.shutdown()


def make_role(cloud: Cloud, name: str, condition: dict[str, Any]) -> str:
    from moto.iam.models import iam_backends

    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    role = iam_backends[cloud.account]["aws"].create_role(
        role_name=name,
        assume_role_policy_document=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    return str(role.arn)


def test_a_service_assumes_a_role_that_trusts_it_for_this_account(cloud: Cloud) -> None:
    arn = make_role(cloud, "trusting", {"StringEquals": {"aws:SourceAccount": cloud.account}})
    credentials = role_credentials(cloud, arn, "sagemaker.amazonaws.com")
    assert credentials["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert set(credentials) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


@pytest.mark.parametrize(
    ("service", "account"),
    [("lambda.amazonaws.com", "123456789012"), ("sagemaker.amazonaws.com", "210987654321")],
)
def test_another_service_or_account_does_not(cloud: Cloud, service: str, account: str) -> None:
    arn = make_role(cloud, f"limited-{service[0]}", {"StringEquals": {"aws:SourceAccount": account}})
    with pytest.raises(AwsError, match="is not authorized to perform: sts:AssumeRole"):
        role_credentials(cloud, arn, service)
    (entry,) = cloud.audit_log.entries()
    assert (entry.principal, entry.resource, entry.decision) == (service, arn, "deny")


def test_a_role_that_does_not_exist_is_named(cloud: Cloud) -> None:
    with pytest.raises(AwsError, match="there is no role arn:aws:iam::123456789012:role/nobody"):
        role_credentials(cloud, "arn:aws:iam::123456789012:role/nobody", "sagemaker.amazonaws.com")


def test_a_workload_s_environment_is_its_own(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "x")
    arn = make_role(cloud, "working", {})
    environment = workload_environment(cloud, arn, "sagemaker.amazonaws.com")
    assert "SECRET_OF_THE_SERVICE" not in environment
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4510"
    assert Path(environment["HOME"]).is_relative_to(cloud.directory)


def test_shutdown_undoes_the_latest_first(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, 4510)
    order: list[str] = []
    cloud.on_shutdown(lambda: order.append("first"))
    cloud.on_shutdown(lambda: order.append("second"))
    cloud.shutdown()
    cloud.shutdown()
    assert order == ["second", "first"]


def test_temporary_paths_are_short_enough_for_sockets(cloud: Cloud) -> None:
    arn = make_role(cloud, "temporary", {})
    folder = Path(workload_environment(cloud, arn, "sagemaker.amazonaws.com")["TMPDIR"])
    # macOS takes 104 characters; multiprocessing adds up to 34: /pymp-abcdefgh/listener-abcdefgh
    assert folder.is_dir()
    assert len(str(folder)) + 34 < 104
    cloud.shutdown()
    assert not folder.exists()
