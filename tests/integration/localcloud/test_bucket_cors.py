"""CORS of buckets: preflights and answers as S3 gives them; nothing but a bucket's objects is opened."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any

import pytest

from kennel.localcloud import OPERATOR_ACCESS_KEY, lifecycle

from . import wire
from .conftest import Client, document, operator_secret, refusal

OPEN, CLOSED = "cors-open", "cors-closed"
PAGE, OTHER = "https://app.example", "https://evil.example"
ALLOW_ORIGIN, ALLOW_METHODS = "access-control-allow-origin", "access-control-allow-methods"
RULES = [
    {
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedOrigins": ["https://*.example.org", PAGE],
        "AllowedHeaders": ["x-amz-*"],
        "ExposeHeaders": ["ETag", "x-amz-request-id"],
        "MaxAgeSeconds": 300,
    },
    {"AllowedMethods": ["PUT", "POST", "DELETE"], "AllowedOrigins": [PAGE]},
]


@pytest.fixture(scope="module")
def s3(client: Client) -> Iterator[Any]:
    s3 = client("s3")
    for bucket in (OPEN, CLOSED):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"content")
        statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"]}
        policy = document({**statement, "Resource": f"arn:aws:s3:::{bucket}/*"})
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    s3.put_bucket_cors(Bucket=OPEN, CORSConfiguration={"CORSRules": RULES})
    return s3


class Browser:
    """What a page's requests become; `keys` are those with which their addresses are signed."""

    def __init__(self, service: lifecycle.Status) -> None:
        self.port = service.port
        self.keys = wire.Keys(OPERATOR_ACCESS_KEY, operator_secret(service))

    def send(
        self, method: str, target: str, origin: str | None = PAGE, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the status, the headers and the body of an answer; an underscore in a name is a dash."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if origin is not None:
            named["Origin"] = origin
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body, named)
            response = connection.getresponse()
            return (
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def ask(
        self, target: str, origin: str | None, method: str, headers: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a preflight."""
        more = {"Access_Control_Request_Headers": headers} if headers else {}
        return self.send("OPTIONS", target, origin, Access_Control_Request_Method=method, **more)

    def signed(self, service: str, method: str, target: str) -> str:
        return wire.by_query(
            self.keys, service, method, target, {"Host": f"127.0.0.1:{self.port}"}, signed=("host",)
        )


@pytest.fixture(scope="module")
def browser(s3: Any, service: lifecycle.Status) -> Browser:
    return Browser(service)


def test_a_preflight_says_what_the_first_matching_rule_lets_a_page_send(browser: Browser) -> None:
    status, headers, body = browser.ask(f"/{OPEN}/k", PAGE, "GET", "X-Amz-Date, x-amz-content-sha256")
    assert (status, body) == (200, b"")
    assert headers[ALLOW_ORIGIN] == PAGE
    assert headers[ALLOW_METHODS] == "GET, HEAD"
    assert headers["access-control-allow-headers"] == "x-amz-date, x-amz-content-sha256"
    assert headers["access-control-expose-headers"] == "ETag, x-amz-request-id"
    assert headers["access-control-max-age"] == "300"
    assert headers["access-control-allow-credentials"] == "true"
    assert "Origin" in headers["vary"]
    assert browser.ask(f"/{OPEN}/k", PAGE, "DELETE")[1][ALLOW_METHODS] == "PUT, POST, DELETE"
    assert browser.ask(f"/{OPEN}", "https://a.example.org", "GET")[1][ALLOW_ORIGIN] == "https://a.example.org"


@pytest.mark.parametrize(
    ("target", "origin", "method", "headers"),
    [
        (f"/{OPEN}/k", OTHER, "GET", ""),
        (f"/{OPEN}/k", "null", "GET", ""),
        (f"/{OPEN}/k", f"{PAGE}.evil.example", "GET", ""),
        (f"/{OPEN}/k", "https://example.org", "GET", ""),
        (f"/{OPEN}/k", "https://a.example.org", "PUT", ""),
        (f"/{OPEN}/k", PAGE, "GET", "x-other"),
        (f"/{OPEN}/k", PAGE, "PUT", "x-amz-date"),
        (f"/{CLOSED}/k", PAGE, "GET", ""),
        ("/cors-none/k", PAGE, "GET", ""),
        ("/", PAGE, "GET", ""),
        ("/_kennel/audit-log", PAGE, "GET", ""),
    ],
)
def test_a_preflight_is_refused_without_a_rule(
    target: str, origin: str, method: str, headers: str, browser: Browser
) -> None:
    status, answered, body = browser.ask(target, origin, method, headers)
    assert status == 403
    assert b"<Code>AccessForbidden</Code>" in body
    assert ALLOW_ORIGIN not in answered


def test_a_question_that_is_none_is_refused(browser: Browser) -> None:
    assert browser.ask(f"/{OPEN}/k", None, "GET")[0] == 400
    for method in ("PATCH", "OPTIONS"):
        assert browser.ask(f"/{OPEN}/k", PAGE, method)[0] == 400
    status, _, body = browser.send("OPTIONS", f"/{OPEN}/k")
    assert (status, b"<Code>BadRequest</Code>" in body) == (400, True)


def test_a_page_that_a_rule_names_reads_and_writes_as_it_may(browser: Browser, s3: Any) -> None:
    status, headers, body = browser.send("GET", f"/{OPEN}/k")  # the policy lets everybody
    assert (status, body, headers[ALLOW_ORIGIN]) == (200, b"content", PAGE)
    assert browser.send("PUT", f"/{OPEN}/anonymous", body=b"1")[0] == 200
    status, headers, body = browser.send("GET", f"/{OPEN}?list-type=2")  # which it does not
    assert (status, headers[ALLOW_ORIGIN]) == (403, PAGE)
    assert b"AccessDenied" in body
    status, _, body = browser.send("GET", browser.signed("s3", "GET", f"/{OPEN}?list-type=2"))
    assert (status, b"<Key>anonymous</Key>" in body) == (200, True)
    assert browser.send("PUT", browser.signed("s3", "PUT", f"/{OPEN}/signed"), body=b"2")[0] == 200
    assert s3.get_object(Bucket=OPEN, Key="signed")["Body"].read() == b"2"
    missing = browser.send("GET", browser.signed("s3", "GET", f"/{OPEN}/missing"))
    assert (missing[0], missing[1][ALLOW_ORIGIN]) == (404, PAGE)
    host = {"Host": f"{OPEN}.localhost:{browser.port}"}
    assert browser.send("GET", "/k", **host)[2] == b"content"
    post = s3.generate_presigned_post(OPEN, "posted")["fields"]
    parts = [f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in post.items()]
    form = "".join([*parts, '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n3\r\n--b--\r\n'])
    more = {"Content_Type": "multipart/form-data; boundary=b"}
    status, headers, _ = browser.send("POST", f"/{OPEN}", body=form.encode(), **more)
    assert (status, headers[ALLOW_ORIGIN]) == (204, PAGE)
    assert s3.get_object(Bucket=OPEN, Key="posted")["Body"].read() == b"3"
    assert browser.send("POST", f"/{CLOSED}", body=form.encode(), **more)[0] == 403


def test_a_page_reaches_nothing_else(browser: Browser, s3: Any, client: Client) -> None:
    """Not another bucket, settings, service or path, also where the address is signed by the operator."""
    signed, host = browser.signed, {"Host": f"{OPEN}.localhost:{browser.port}"}
    copy = f"/{CLOSED}/k"
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    web = (
        b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a&RoleSessionName=b&WebIdentityToken=c"
    )
    requests: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("GET", f"/{CLOSED}/k", b"", {}),
        ("GET", signed("s3", "GET", f"/{CLOSED}/k"), b"", {}),
        ("GET", signed("s3", "GET", "/"), b"", {}),
        ("GET", f"/{OPEN}/../{CLOSED}/k", b"", {}),
        ("GET", f"/{OPEN}%2f..%2f{CLOSED}/k", b"", {}),
        ("GET", f"//{CLOSED}/k", b"", {}),
        ("PUT", signed("s3", "PUT", f"/{OPEN}?cors"), b"<CORSConfiguration/>", {}),
        ("PUT", signed("s3", "PUT", f"/{OPEN}?policy"), b"{}", {}),
        ("PUT", signed("s3", "PUT", f"/{OPEN}/k?acl"), b"", {"x_amz_acl": "public-read"}),
        ("DELETE", signed("s3", "DELETE", f"/{OPEN}?policy"), b"", {}),
        ("DELETE", signed("s3", "DELETE", f"/{OPEN}"), b"", {}),
        ("PUT", f"/{OPEN}/copied", b"", {"x_amz_copy_source": copy}),
        ("GET", signed("iam", "GET", f"/{OPEN}?Action=ListUsers&Version=2010-05-08"), b"", {}),
        ("GET", signed("iam", "GET", "/?Action=ListUsers&Version=2010-05-08"), b"", host),
        ("POST", signed("lambda", "POST", "/2015-03-31/functions/f/invocations"), b"{}", host),
        ("GET", "/_kennel/status", b"", host),
        ("GET", "/_kennel/status", b"", {}),
        ("GET", "/latest/meta-data/", b"", host),
        ("POST", f"/{OPEN}", web, form),
        ("POST", f"/{OPEN}", b"{}", {"x_amz_target": "SageMaker.ListModels"}),
    ]
    for method, target, body, headers in requests:
        status, _, answer = browser.send(method, target, body=body, **headers)
        assert status in (403, 404), (target, status, answer)
        assert b"content" not in answer
        assert b"pid" not in answer
    for origin in (OTHER, "null", None):
        more = {} if origin else {"Sec_Fetch_Site": "cross-site"}
        status, headers, answer = browser.send("GET", f"/{OPEN}/k", origin, **more)
        assert (status, ALLOW_ORIGIN in headers) == (403, False)
        assert b"another origin" in answer
    assert browser.send("PUT", f"/{OPEN}/k", "https://a.example.org", b"overwritten")[0] == 403
    assert s3.get_object(Bucket=OPEN, Key="k")["Body"].read() == b"content"
    assert "copied" not in {each["Key"] for each in s3.list_objects_v2(Bucket=OPEN)["Contents"]}
    assert s3.get_bucket_cors(Bucket=OPEN)["CORSRules"] == RULES


def test_everybody_is_answered_without_credentials(browser: Browser, s3: Any) -> None:
    s3.create_bucket(Bucket="cors-everybody", ACL="public-read")
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    s3.put_bucket_cors(Bucket="cors-everybody", CORSConfiguration={"CORSRules": rules})
    status, headers, _ = browser.send("GET", "/cors-everybody", OTHER)
    assert (status, headers[ALLOW_ORIGIN]) == (200, "*")
    assert "access-control-allow-credentials" not in headers
    s3.delete_bucket_cors(Bucket="cors-everybody")
    assert browser.send("GET", "/cors-everybody", OTHER)[0] == 403


def test_rules_are_checked_and_the_refused_change_nothing(s3: Any) -> None:
    def put(**rule: Any) -> tuple[int, str]:
        rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], **rule}]
        return refusal(s3.put_bucket_cors, Bucket=OPEN, CORSConfiguration={"CORSRules": rules})

    assert put(AllowedMethods=["PATCH"]) == (400, "InvalidRequest")
    assert put(AllowedOrigins=["https://*.*.example"]) == (400, "InvalidRequest")
    assert put(AllowedHeaders=["*-*"]) == (400, "InvalidRequest")
    assert put(ExposeHeaders=["x-*"]) == (400, "InvalidRequest")
    assert put(AllowedOrigins=[]) == (400, "MalformedXML")
    assert s3.get_bucket_cors(Bucket=OPEN)["CORSRules"] == RULES
