"""A function URL's event and response, in payload format 2.0."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kennel.localcloud.authorization.identify import OPERATOR
from kennel.localcloud.services.api_gateway import payload
from kennel.localcloud.services.lambda_.permissions import complete
from kennel.localcloud.services.lambda_.url_payload import (
    InvalidPayloadError,
    UrlRequest,
    event_of,
    response_of,
)

REQUEST = UrlRequest("abc", "abc.lambda-url.us-east-1.localhost", "/a%20b", "r-1", None)


def environ(**members: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": "POST", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", **members}


def test_a_request_becomes_an_event() -> None:
    event = event_of(
        REQUEST,
        environ(QUERY_STRING="a=1&a=2&b=", HTTP_X_THING="t", HTTP_COOKIE="c=1; d=2", HTTP_USER_AGENT="curl"),
        b"",
    )
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/a%20b", "a=1&a=2&b=")
    assert event["queryStringParameters"] == {"a": "1,2", "b": ""}
    assert event["cookies"] == ["c=1", "d=2"]
    assert event["headers"]["x-thing"] == "t"
    assert "cookie" not in event["headers"]
    assert "body" not in event
    context = event["requestContext"]
    assert (context["accountId"], context["apiId"], context["requestId"]) == ("anonymous", "abc", "r-1")
    assert (context["http"]["method"], context["http"]["userAgent"]) == ("POST", "curl")


def test_the_signer_is_named_and_the_signature_is_not_handed_on() -> None:
    request = UrlRequest("abc", "h", "/", "r", OPERATOR, "AKIA")
    event = event_of(request, environ(HTTP_AUTHORIZATION="AWS4…", HTTP_X_AMZ_SECURITY_TOKEN="t"), b"")
    iam = event["requestContext"]["authorizer"]["iam"]
    assert (iam["accessKey"], iam["userArn"]) == ("AKIA", OPERATOR.arn)
    assert not {"authorization", "x-amz-security-token"} & set(event["headers"])


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b"{}", False),
        ("text/plain; charset=utf-8", "ü".encode(), False),
        ("application/vnd.api+json", b"{}", False),
        ("", b"text", False),
        ("image/jpeg", b"\xff\xd8", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("text/plain", b"\xff\xfe", True),
    ],
)
def test_what_is_no_text_is_sent_in_base64(content_type: str, body: bytes, encoded: bool) -> None:
    event = event_of(REQUEST, environ(CONTENT_TYPE=content_type), body)
    assert event["isBase64Encoded"] is encoded
    assert event["body"] == (base64.b64encode(body).decode() if encoded else body.decode())


def test_a_response_has_the_status_headers_cookies_and_body_of_the_function() -> None:
    response = response_of(
        json.dumps(
            {
                "statusCode": 418,
                "headers": {"Content-Type": "image/png", "X-Count": 3, "X-Flag": True},
                "cookies": ["a=1", "b=2"],
                "body": base64.b64encode(b"\x89PNG").decode(),
                "isBase64Encoded": True,
            }
        ).encode()
    )
    assert (response.status, response.body) == (418, b"\x89PNG")
    assert response.headers == [
        ("Content-Type", "image/png"),
        ("X-Count", "3"),
        ("X-Flag", "true"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    ]


@pytest.mark.parametrize(
    ("payload", "body"),
    [(b'{"a": 1}', b'{"a": 1}'), (b'"hello"', b"hello"), (b"[1, 2]", b"[1, 2]"), (b"null", b"null")],
)
def test_anything_else_is_the_body(payload: bytes, body: bytes) -> None:
    response = response_of(payload)
    assert (response.status, response.body) == (200, body)
    assert response.headers == [("Content-Type", "application/json")]


def test_a_response_without_a_body_is_empty() -> None:
    assert response_of(b'{"statusCode": "204"}').body == b""


@pytest.mark.parametrize(
    "document",
    [
        {"statusCode": "ok"},
        {"statusCode": 700},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"X": "a\r\nSet-Cookie: b"}},
        {"statusCode": 200, "headers": ["X"]},
        {"statusCode": 200, "headers": {"A\r\nSet-Cookie": "x"}},
    ],
)
def test_a_malformed_response_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayloadError):
        response_of(json.dumps(document).encode())


@pytest.mark.parametrize(
    "document",
    [
        {"statusCode": 600},
        {"statusCode": "²00"},
        {"statusCode": 200, "multiValueHeaders": {"A": "no list"}},
        {"statusCode": 200, "headers": {"A\r\nSet-Cookie": "x"}},
        {"statusCode": 200, "headers": {"A": "b\r\nSet-Cookie: x"}},
        {"statusCode": 200, "multiValueHeaders": {"A": ["b\x00"]}},
        {"statusCode": 200, "body": {"no": "text"}},
        {"statusCode": 200, "body": "no base64", "isBase64Encoded": True},
        [200],
    ],
)
def test_a_malformed_response_of_the_older_format_is_refused(document: Any) -> None:
    with pytest.raises(InvalidPayloadError):
        payload.response_of(json.dumps(document).encode())


def test_members_of_a_permission_become_conditions() -> None:
    statement: dict[str, Any] = {
        "Sid": "url",
        "Action": "lambda:InvokeFunctionUrl",
        "Principal": "123456789012",
        "FunctionUrlAuthType": "AWS_IAM",
        "InvokedViaFunctionUrl": True,
    }
    complete(statement, "123456789012")
    assert statement == {
        "Sid": "url",
        "Action": "lambda:InvokeFunctionUrl",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Condition": {
            "StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"},
            "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
        },
    }
