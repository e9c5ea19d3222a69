"""Function URLs on the local cloud, called by a plain HTTP client."""

from __future__ import annotations

import base64
import sys
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .conftest import Stage
from .test_function import Functions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")

ECHO = """
import json
def handler(event, context):
    if event["rawPath"] == "/fail": raise ValueError("no")
    if event["rawPath"] == "/large": return "x" * 7_000_000
    return {"statusCode": 201, "headers": {"X-Path": event["rawPath"]}, "body": json.dumps(event)}
"""


class Urls:
    """Functions with URLs, and requests to them."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.functions = stage, Functions(stage)
        self.client = self.functions.client
        self.http = urllib3.PoolManager(retries=False)

    def create(self, auth_type: str) -> tuple[str, str]:
        name = self.functions.create(ECHO)
        url = self.client.create_function_url_config(FunctionName=name, AuthType=auth_type)["FunctionUrl"]
        return name, url

    def ask(
        self, url: str, body: bytes = b"", credentials: Credentials | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Send a POST; signed, where credentials are given."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if credentials:
            request = AWSRequest("POST", url, headers=sent, data=body)
            SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
            sent = dict(request.headers.items())
        return self.http.request("POST", url, body=body, headers=sent)


@pytest.fixture(scope="module")
def urls(stage: Stage) -> Urls:
    return Urls(stage)


@pytest.fixture(scope="module")
def signed(urls: Urls) -> tuple[str, str]:
    return urls.create("AWS_IAM")


def allow(action: str, name: str) -> dict[str, str]:
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
    }


def test_a_signed_request_reaches_the_function(urls: Urls, signed: tuple[str, str]) -> None:
    name, url = signed
    credentials = urls.stage.session(
        [allow("lambda:InvokeFunctionUrl", name), allow("lambda:InvokeFunction", name)]
    )
    response = urls.ask(f"{url}a%20b?q=1", b"\xff\xd8", credentials, content_type="image/jpeg")
    assert (response.status, response.headers["X-Path"]) == (201, "/a%20b")
    event = response.json()
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"\xff\xd8", True)
    assert event["queryStringParameters"] == {"q": "1"}
    assert event["requestContext"]["authorizer"]["iam"]["userArn"].endswith("/caller")
    checks = [entry for entry in urls.stage.audit_log() if entry["resource"].endswith(f":function:{name}")]
    assert {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} <= {entry["action"] for entry in checks}


def test_both_permissions_and_a_valid_signature_are_required(urls: Urls, signed: tuple[str, str]) -> None:
    name, url = signed
    assert urls.ask(url).status == 403
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        refused = urls.ask(url, b"{}", urls.stage.session([allow(action, name)]))
        assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
        assert refused.json()["Message"].startswith("Forbidden")
    forged = urls.stage.session([allow("lambda:*", name)])
    forged.secret_key = "another"
    response = urls.ask(url, b"{}", forged)
    assert (response.status, response.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")


def test_an_open_url_requires_a_policy_that_says_so(urls: Urls) -> None:
    name, url = urls.create("NONE")
    assert urls.ask(url).status == 403
    urls.client.add_permission(
        FunctionName=name,
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    assert urls.ask(url).status == 403
    urls.client.add_permission(
        FunctionName=name,
        StatementId="function",
        Action="lambda:InvokeFunction",
        Principal="*",
        InvokedViaFunctionUrl=True,
    )
    event = urls.ask(url, b'{"a": 1}', content_type="application/json").json()
    assert (event["body"], event["rawPath"]) == ('{"a": 1}', "/")
    assert event["requestContext"]["accountId"] == "anonymous"
    assert urls.ask(f"{url}fail").status == 502
    assert urls.ask(f"{url}large").status == 502
    assert urls.ask(url, bytes(5_000_000), content_type="image/jpeg").status == 413  # as base64
    urls.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    throttled = urls.ask(url)
    assert (throttled.status, throttled.json()["Message"]) == (429, "Rate Exceeded.")


def test_a_url_is_reached_by_the_host_header_too(urls: Urls, signed: tuple[str, str]) -> None:
    name, _ = signed
    config = urls.client.get_function_url_config(FunctionName=name)
    parts = urlsplit(config["FunctionUrl"])
    url_id = (
        parts.path.split("/")[2] if parts.path.startswith("/_lambda-url/") else parts.netloc.split(".")[0]
    )
    host = f"{url_id}.lambda-url.us-east-1.localhost:{parts.port}"
    credentials = urls.stage.session([allow("lambda:*", name)])
    response = urls.ask(f"http://127.0.0.1:{parts.port}/x", b"", credentials, Host=host)
    assert response.headers["X-Path"] == "/x"


def test_configurations_are_created_changed_listed_and_deleted(urls: Urls) -> None:
    name, url = urls.create("AWS_IAM")
    client, errors = urls.client, urls.client.exceptions
    with pytest.raises(errors.ResourceConflictException, match="FunctionUrlConfig exists"):
        client.create_function_url_config(FunctionName=name, AuthType="NONE")
    with pytest.raises(errors.InvalidParameterValueException, match="RESPONSE_STREAM"):
        client.update_function_url_config(FunctionName=name, InvokeMode="RESPONSE_STREAM")
    assert client.update_function_url_config(FunctionName=name, AuthType="NONE")["AuthType"] == "NONE"
    (listed,) = client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
    assert (listed["FunctionUrl"], listed["AuthType"]) == (url, "NONE")
    client.delete_function_url_config(FunctionName=name)
    assert urls.ask(url).status == 404
    with pytest.raises(errors.ResourceNotFoundException):
        client.get_function_url_config(FunctionName=name)
    with pytest.raises(errors.ResourceNotFoundException, match="Function not found"):
        client.create_function_url_config(FunctionName="nope", AuthType="AWS_IAM")
