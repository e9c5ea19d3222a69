"""The gateway: unknown callers, foreign hosts and malformed requests are refused as AWS refuses them."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import subprocess
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from kennel.localcloud import OPERATOR_ACCESS_KEY, lifecycle
from kennel.localcloud.connection import administer, read_status, signed_headers

from . import wire
from .conftest import ACCOUNT, Client, operator_secret, read_audit_log, statement

UNKNOWN_KEY = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "wrong"}
WRONG_SECRET = {"aws_access_key_id": OPERATOR_ACCESS_KEY, "aws_secret_access_key": "wrong"}
# An operation of each service, and the errors for an unknown key and for a wrong signature.
CREDENTIAL_ERRORS = {
    "s3": ("list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    "sts": ("get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    "sagemaker": ("list_endpoints", "UnrecognizedClientException", "InvalidSignatureException"),
    "lambda": ("list_functions", "UnrecognizedClientException", "InvalidSignatureException"),
}


def send(
    service: Any, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    return response.status, response.read()


def signed(service: Any, name: str, method: str, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """Send a request that the operator signed, well-formed or not."""
    spelled = {key.replace("_", "-"): value for key, value in headers.items()}
    request = AWSRequest(method, service.endpoint_url + path, headers=spelled, data=body)
    SigV4Auth(Credentials(OPERATOR_ACCESS_KEY, operator_secret(service)), name, "us-east-1").add_auth(request)
    return send(service, method, path, body, dict(request.headers.items()))


@pytest.mark.parametrize("name", CREDENTIAL_ERRORS)
@pytest.mark.parametrize("credentials", ["unknown key", "wrong secret"])
def test_an_unknown_key_and_a_wrong_secret_are_refused(name: str, credentials: str, client: Client) -> None:
    operation, unknown, mismatch = CREDENTIAL_ERRORS[name]
    keys, code = (UNKNOWN_KEY, unknown) if credentials == "unknown key" else (WRONG_SECRET, mismatch)
    with pytest.raises(ClientError) as caught:
        getattr(client(name, keys), operation)()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_refused_caller_is_in_the_audit_log_by_its_access_key(client: Client, service: Any) -> None:
    for credentials in (UNKNOWN_KEY, WRONG_SECRET):
        with pytest.raises(ClientError):
            client("sqs", credentials).list_queues()
        line = read_audit_log(service)[-1]
        assert (line["principal"], line["decision"]) == (credentials["aws_access_key_id"], "deny")


def test_the_operator_has_a_name(client: Client) -> None:
    identity = client("sts").get_caller_identity()
    assert (identity["Arn"], identity["Account"]) == (f"arn:aws:iam::{ACCOUNT}:user/kennel-operator", ACCOUNT)


def test_a_session_key_without_its_token_is_refused(client: Client, role: Any) -> None:
    credentials = role("token-bearer")
    for token in ("", "another"):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            client("sts", {**credentials, "aws_session_token": token}).get_caller_identity()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example"]
)
def test_a_name_that_merely_resolves_here_is_refused(host: str, service: Any) -> None:
    status, body = send(service, "GET", "/_kennel/status", headers={"Host": host})
    assert status == 403
    assert b"pid" not in body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST", "s3.us-east-1.amazonaws.com"])
def test_the_cloud_s_own_names_are_answered(host: str, service: Any) -> None:
    assert send(service, "GET", "/_kennel/status", headers={"Host": host})[0] == 200


def test_a_page_in_a_browser_cannot_ask_the_admin_paths(service: Any) -> None:
    assert send(service, "GET", "/_kennel/status", headers={"Origin": "https://evil.example"})[0] == 403
    assert (
        send(service, "POST", "/_kennel/clock?advance=1", headers={"Origin": "https://evil.example"})[0]
        == 403
    )
    for method, path, status in (
        ("POST", "/_kennel/status", 405),
        ("GET", "/_kennel/clock?advance=1", 405),
        ("GET", "/_kennel/nothing", 404),
    ):
        headers = signed_headers(lifecycle.environment(service), method, service.endpoint_url + path)
        assert send(service, method, path, headers=headers)[0] == status


def test_the_status_and_the_audit_log_are_read_over_http(service: Any, client: Client) -> None:
    status = read_status(lifecycle.environment(service))
    assert status is not None
    assert {"ready", "pid", "port", "endpoint_url"} <= set(status)
    client("sqs").list_queues()
    assert read_audit_log(service)[-1]["action"] == "sqs:ListQueues"


ADMINISTRATION = [
    ("POST", "/_kennel/clock?advance=86400"),
    ("POST", "/_kennel/endpoints?launch=9"),
    ("POST", "/_kennel/web-identity/token?issuer=a&audience=b&subject=c"),
    ("POST", "/_kennel/spot/reclaim?job=x"),
    ("GET", "/_kennel/audit-log"),
    ("GET", "/_kennel/nothing"),
]


@pytest.fixture(scope="module")
def all_rights(role: Any) -> Credentials:
    return Credentials(*role("of-all-rights", statement("*", "*")).values())


@pytest.mark.parametrize(("method", "path"), ADMINISTRATION)
def test_the_admin_paths_answer_the_operator_alone(
    method: str, path: str, service: Any, all_rights: Credentials
) -> None:
    url = service.endpoint_url + path
    variables = lifecycle.environment(service)
    before = administer(variables, "clock")["time"]
    of_others = [
        {},
        {"Authorization": "Basic " + base64.b64encode(b"kennel:kennel").decode()},
        signed_headers({**variables, "AWS_SECRET_ACCESS_KEY": "kennel"}, method, url),
        signed_headers(variables, method, url + "&x=1"),
        signed_by(Credentials(OPERATOR_ACCESS_KEY, operator_secret(service)), "iam", method, url),
        signed_by(all_rights, "kennel", method, url),
    ]
    for headers in of_others:
        status, content = send(service, method, path, headers=headers)
        assert status == 403
        assert b"AWS_SECRET_ACCESS_KEY" in content  # how it is done
        assert b"eyJ" not in content
    assert administer(variables, "clock")["time"] - before < 3600


def signed_by(keys: Credentials, name: str, method: str, url: str) -> dict[str, str]:
    request = AWSRequest(method, url)
    SigV4Auth(keys, name, "us-east-1").add_auth(request)
    return dict(request.headers.items())


def test_everybody_learns_no_more_than_that_it_runs(service: Any) -> None:
    shown = json.loads(send(service, "GET", "/_kennel/status")[1])
    assert (shown.pop("ready"), shown.pop("pid")) == (True, service.pid)
    assert set(shown) == {"now"}


def test_a_presigned_request_does_not_administer(service: Any) -> None:
    keys = wire.Keys(OPERATOR_ACCESS_KEY, operator_secret(service))
    host = {"Host": f"127.0.0.1:{service.port}"}
    target = wire.by_query(keys, "kennel", "POST", "/_kennel/clock?advance=86400", host)
    assert send(service, "POST", target)[0] == 403


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl_asks_the_admin_paths_as_the_documents_say(service: Any) -> None:
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(int(part) for part in version.split()[1].split(".")[:2]) < (7, 75):
        pytest.skip("this curl does not sign")
    command = (
        'curl -s --aws-sigv4 "aws:amz:us-east-1:kennel" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
    )
    shown = subprocess.run(
        ["/bin/sh", "-c", f'{command} -X POST "$AWS_ENDPOINT_URL/_kennel/clock?advance=0"'],
        capture_output=True,
        check=True,
        env={**os.environ, **lifecycle.environment(service)},
    ).stdout
    assert set(json.loads(shown)) == {"time", "now", "speed"}


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/moto-api/", "/latest/meta-data/iam/security-credentials/"]
)
def test_moto_s_own_paths_are_not_served(path: str, service: Any) -> None:
    assert send(service, "POST", path)[0] == 404


JSON_TARGET = {"Content_Type": "application/x-amz-json-1.1", "X_Amz_Target": "SageMaker.CreateTrainingJob"}
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
MALFORMED: dict[str, tuple[str, str, str, bytes, dict[str, str]]] = {
    "no json": ("sagemaker", "POST", "/", b"{not json", JSON_TARGET),
    "json that is a list": ("sagemaker", "POST", "/", b"[1]", JSON_TARGET),
    "json that is empty": ("sagemaker", "POST", "/", b"{}", JSON_TARGET),
    "json of wrong types": ("sagemaker", "POST", "/", b'{"TrainingJobName": {"a": 1}}', JSON_TARGET),
    "bytes that are no text": ("sagemaker", "POST", "/", b"\xff\xfe\x00", JSON_TARGET),
    "an unknown operation": (
        "sagemaker",
        "POST",
        "/",
        b"{}",
        {**JSON_TARGET, "X_Amz_Target": "SageMaker.FlyToTheMoon"},
    ),
    "an unknown service": ("astrology", "POST", "/", b"{}", JSON_TARGET),
    "a form without an action": ("iam", "POST", "/", b"Version=2010-05-08", FORM),
    "a form without its parameters": ("iam", "POST", "/", b"Action=CreateRole&Version=2010-05-08", FORM),
    "a form that is no text": ("sts", "POST", "/", b"\xff=%%%&&&", FORM),
    "ec2 without parameters": ("ec2", "POST", "/", b"Action=RunInstances&Version=2016-11-15", FORM),
    "no xml": ("s3", "PUT", "/some-bucket?versioning", b"<Versioning", {}),
    "s3 with a strange method": ("s3", "PATCH", "/some-bucket", b"", {}),
    "no json for a function": (
        "lambda",
        "POST",
        "/2015-03-31/functions",
        b"{",
        {"Content_Type": "application/json"},
    ),
    "a path of no service": ("lambda", "GET", "/no/such/path", b"", {}),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_the_caller_s_fault(case: str, service: Any) -> None:
    name, method, path, body, headers = MALFORMED[case]
    status, content = signed(service, name, method, path, body, **headers)
    assert 400 <= status < 500
    assert b"Traceback" not in content
    assert b"<html" not in content.lower()


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=a, Signature=b", "AWS4-HMAC-SHA256 \xff"]
)
def test_an_authorization_that_cannot_be_read_is_refused(header: str, service: Any) -> None:
    status, body = send(
        service,
        "POST",
        "/",
        b"Action=GetCallerIdentity&Version=2011-06-15",
        {
            "Authorization": header,
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    assert status == 403
    assert b"Traceback" not in body


def test_what_is_not_implemented_says_so_at_once(client: Client) -> None:
    with pytest.raises(ClientError, match="does not implement sagemaker:CreateCodeRepository") as caught:
        client("sagemaker").create_code_repository(
            CodeRepositoryName="x", GitConfig={"RepositoryUrl": "https://example.com/x.git"}
        )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_body_of_many_megabytes_passes_through(client: Client) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="kennel-large-bodies")
    content = bytes(range(256)) * 250_000
    s3.put_object(Bucket="kennel-large-bodies", Key="k", Body=content)
    assert s3.get_object(Bucket="kennel-large-bodies", Key="k")["Body"].read() == content
    part = s3.get_object(Bucket="kennel-large-bodies", Key="k", Range="bytes=256-511")
    assert (part["ResponseMetadata"]["HTTPStatusCode"], part["Body"].read()) == (206, bytes(range(256)))
