"""A stack's buckets in moto."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from kennel.aws import session
from kennel.aws.infrastructure.stack import Stack
from kennel.packaging import vendor

WHEEL = "openvino-0.0.0-cp313-cp313-manylinux_2_28_x86_64.whl"
PARAMETER = "/kennel/local/release"


@pytest.fixture
def moto_account(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty account in moto, which is what the sessions of `kennel.aws` reach; its value is the region."""
    region = getattr(request, "param", "us-east-1")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session.forget()
    with mock_aws():
        yield region
    session.forget()


@pytest.fixture
def stack(moto_account: str) -> Stack:
    """Outputs of a stack whose data bucket holds the data set ``dogs``."""
    s3 = boto3.client("s3")
    for bucket in ("data", "artifacts"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="data", Key="datasets/dogs/train/001.A/1.jpg", Body=b"x")
    boto3.client("ssm").put_parameter(
        Name=PARAMETER, Value='{"deployment": 0, "current": null, "previous": null}', Type="String"
    )
    return Stack(
        {
            "name": "kennel-local",
            "data_bucket": "data",
            "artifact_bucket": "artifacts",
            "release_parameter": PARAMETER,
        }
    )


@pytest.fixture(autouse=True)
def _small_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vendor a wheel of a few bytes: that of OpenVINO is 59 MB, and of no use to these tests."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    path = vendor.cache(os.environ) / WHEEL
    path.parent.mkdir(parents=True)
    path.write_bytes(b"wheel")
    pins = tmp_path / "wheels.json"
    pins.write_text(json.dumps({"wheels": [{"file": WHEEL, "sha256": sha256(b"wheel").hexdigest()}]}))
    monkeypatch.setattr(vendor, "PINS", pins)
