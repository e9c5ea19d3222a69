"""Which version of a function an invocation's qualifier names."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kennel.localcloud.moto_adapter.functions import find_version, lambda_backend

ACCOUNT, REGION = "123456789012", "us-east-1"


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def version_of(backend: Any, name: str, qualifier: str | None) -> str | None:
    record = find_version(backend, name, qualifier)
    return None if record is None else str(record.version)  # moto keeps published versions as integers


@pytest.fixture
def backend() -> Iterator[Any]:
    """moto's Lambda with the function `f`: versions 1 and 2, and the latest."""
    with mock_aws():
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        iam, client = (boto3.client(name, REGION, **keys) for name in ("iam", "lambda"))
        trust = {"Version": "2012-10-17", "Statement": []}
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        client.create_function(
            FunctionName="f",
            Role=role,
            Runtime="python3.11",
            Handler="app.handler",
            Code={"ZipFile": zipped("def handler(event, context): return 1")},
            Publish=True,
        )
        second = zipped("def handler(event, context): return 2")
        client.update_function_code(FunctionName="f", ZipFile=second, Publish=True)
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
        client.create_alias(
            FunctionName="f",
            Name="shifting",
            FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}},
        )
        yield lambda_backend(ACCOUNT, REGION)


@pytest.mark.parametrize(
    ("qualifier", "version"), [(None, "$LATEST"), ("$LATEST", "$LATEST"), ("2", "2"), ("live", "1")]
)
def test_a_qualifier_names_a_version(backend: Any, qualifier: str | None, version: str) -> None:
    assert version_of(backend, "f", qualifier) == version


@pytest.mark.parametrize(("name", "qualifier"), [("g", None), ("f", "9"), ("f", "dead")])
def test_what_does_not_exist_is_none(backend: Any, name: str, qualifier: str | None) -> None:
    assert version_of(backend, name, qualifier) is None


def test_an_alias_with_weights_shares_the_invocations(backend: Any) -> None:
    versions = Counter(version_of(backend, "f", "shifting") for _ in range(1000))
    assert set(versions) == {"1", "2"}
    assert 150 <= versions["2"] <= 350  # expected: 250, with a standard deviation of 14
