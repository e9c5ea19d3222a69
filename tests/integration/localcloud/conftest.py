"""A local cloud for the tests of this folder, and clients of it."""

from __future__ import annotations

import functools
import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from kennel.localcloud import OPERATOR_ACCESS_KEY, REGION, lifecycle
from kennel.localcloud.connection import signed_headers


def operator_secret(service: lifecycle.Status) -> str:
    return lifecycle.environment(service)["AWS_SECRET_ACCESS_KEY"]


def read_audit_log(service: lifecycle.Status) -> list[dict[str, Any]]:
    """Return the audit log's entries, as the operator asks for them."""
    url = f"{service.endpoint_url}/_kennel/audit-log"
    headers = signed_headers(lifecycle.environment(service), "GET", url)
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
        return [json.loads(line) for line in response]


ACCOUNT = "123456789012"
Client = Callable[..., Any]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.Status]:
    directory = tmp_path_factory.mktemp("localcloud")
    yield lifecycle.up(directory, port=0, keep=False)
    lifecycle.down(directory)


@pytest.fixture(scope="session")
def client(service: lifecycle.Status) -> Client:
    """Return boto3 clients of the cloud, for the operator or with other credentials.

    Each is made once for all tests: that takes longer than most calls.
    """
    operator = {
        "aws_access_key_id": OPERATOR_ACCESS_KEY,
        "aws_secret_access_key": operator_secret(service),
    }

    @functools.cache
    def make(name: str, keys: tuple[tuple[str, str], ...], settings: tuple[tuple[str, Any], ...]) -> Any:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **dict(settings))
        return boto3.client(
            name, endpoint_url=service.endpoint_url, region_name=REGION, config=config, **dict(keys)
        )

    def cached(name: str, credentials: dict[str, str] | None = None, **settings: Any) -> Any:
        return make(name, tuple((credentials or operator).items()), tuple(settings.items()))

    return cached


def statement(action: Any, resource: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


TRUSTS_ACCOUNT = document(
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
)


@pytest.fixture(scope="session")
def role(client: Client) -> Callable[..., dict[str, str]]:
    """Create a role with an inline policy, assume it, and return the session's credentials."""

    def make(name: str, *statements: dict[str, Any], **options: Any) -> dict[str, str]:
        iam = client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUSTS_ACCOUNT, **options)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))
        return assume(client, name)

    return make


def assume(client: Client, name: str, **options: Any) -> dict[str, str]:
    session = client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="tests", **options
    )["Credentials"]
    return {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }


def refusal(call: Any, **parameters: Any) -> tuple[int, str]:
    """Return the status and the code with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
