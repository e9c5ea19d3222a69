"""SDK clients that name a host of AWS reach the local cloud while its variables are set."""

from __future__ import annotations

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from kennel.localcloud.connection import SDK_PLUGIN, connection

LOCAL = "http://127.0.0.1:4510"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[AWSPreparedRequest]:
    """Return the requests of the clients that a test makes; none leaves this process."""
    for name, value in connection(LOCAL).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.syspath_prepend(str(SDK_PLUGIN.parent))
    requests: list[AWSPreparedRequest] = []

    def send(self: object, request: AWSPreparedRequest) -> AWSResponse:
        requests.append(request)
        return AWSResponse(request.url, 200, {}, None)

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
    monkeypatch.setattr(AWSResponse, "content", b"<Response><GetCallerIdentityResult/></Response>")
    return requests


def test_the_regional_host_of_sts_is_the_local_clouds(sent: list[AWSPreparedRequest]) -> None:
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
    boto3.client("sts", endpoint_url="https://sts.eu-central-1.amazonaws.com").get_caller_identity()
    assert sent[0].url == f"{LOCAL}/"
    assert b"SignedHeaders=content-type;host" in sent[0].headers["Authorization"]


@pytest.mark.parametrize(
    ("endpoint", "style", "url"),
    [
        ("https://s3.eu-central-1.amazonaws.com", "path", f"{LOCAL}/dogs/a/b.jpg"),
        ("https://s3.eu-central-1.amazonaws.com", "virtual", f"{LOCAL}/dogs/a/b.jpg"),
        ("https://s3.dualstack.us-west-2.amazonaws.com", "virtual", f"{LOCAL}/dogs/a/b.jpg"),
        ("https://storage.example.com", "path", "https://storage.example.com/dogs/a/b.jpg"),
        ("https://amazonaws.com.example.com", "path", "https://amazonaws.com.example.com/dogs/a/b.jpg"),
        (None, "path", f"{LOCAL}/dogs/a/b.jpg"),
    ],
)
def test_a_bucket_at_its_own_host_is_in_the_path(
    sent: list[AWSPreparedRequest], endpoint: str | None, style: str, url: str
) -> None:
    config = boto3.session.Config(s3={"addressing_style": style})
    s3 = boto3.client("s3", endpoint_url=endpoint, config=config)
    s3.put_object(Bucket="dogs", Key="a/b.jpg", Body=b"x")
    assert sent[0].url == url
    assert s3.generate_presigned_url("get_object", {"Bucket": "dogs", "Key": "a/b.jpg"}).startswith(f"{url}?")


def test_the_account_before_the_host_is_left_out(sent: list[AWSPreparedRequest]) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html
    boto3.client("s3control").get_public_access_block(AccountId="123456789012")
    assert sent[0].url == f"{LOCAL}/v20180820/configuration/publicAccessBlock"
    assert sent[0].headers["x-amz-account-id"] == b"123456789012"


def test_without_a_local_cloud_nothing_is_changed(
    sent: list[AWSPreparedRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    boto3.client("sts", endpoint_url="https://sts.eu-central-1.amazonaws.com").get_caller_identity()
    assert sent[0].url == "https://sts.eu-central-1.amazonaws.com/"
