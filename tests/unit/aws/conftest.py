"""A stack's buckets in moto."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from kennel.aws import session
from kennel.aws.stack import Stack

PARAMETER = "/kennel/local/release"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Outputs of a stack whose data bucket holds the data set ``dogs``."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session._client.cache_clear()
    with mock_aws():
        s3 = boto3.client("s3")
        for bucket in ("data", "artifacts"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket="data", Key="datasets/dogs/train/001.A/1.jpg", Body=b"x")
        boto3.client("ssm").put_parameter(
            Name=PARAMETER, Value='{"deployment": 0, "current": null, "previous": null}', Type="String"
        )
        yield Stack(
            {
                "name": "kennel-local",
                "data_bucket": "data",
                "artifact_bucket": "artifacts",
                "release_parameter": PARAMETER,
            }
        )
    session._client.cache_clear()
