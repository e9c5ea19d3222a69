"""What a function gets from its URL, and what the caller gets from the function: payload format 2.0.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import Environ, Response

TEXT = re.compile(r"text/|application/(?:[\w.-]+\+)?(?:json|xml|javascript)\b", re.IGNORECASE)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# The signature proves the caller to Lambda; the function gets the caller, not what proves it.
WITHHELD = {"authorization", "x-amz-security-token"}


class InvalidPayloadError(ValueError):
    """A function returned what is no HTTP response."""


@dataclass(frozen=True)
class UrlRequest:
    """A request to a function URL.

    Attributes
    ----------
    path
        As it was sent, below the URL's root.
    caller, access_key
        Who signed it; None where anybody may call.
    """

    url_id: str
    host: str
    path: str
    request_id: str
    caller: Principal | None
    access_key: str = ""


def event_of(request: UrlRequest, environ: Environ, body: bytes) -> dict[str, Any]:
    """Return the event for the function."""
    headers = headers_of(environ)
    query = environ.get("QUERY_STRING", "")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": _context(request, environ),
        "isBase64Encoded": False,
    }
    if "HTTP_COOKIE" in environ:
        event["cookies"] = re.split(r";\s*", headers.pop("cookie"))
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters.setdefault(name, []).append(value)
    if parameters:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in parameters.items()}
    if body:
        event.update(_body(body, headers.get("content-type", "")))
    return event


def headers_of(environ: Environ) -> dict[str, str]:
    """Return a request's headers for a function, without what proves the caller."""
    headers = {}
    for key, value in environ.items():
        if key.startswith("HTTP_") or (key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value):
            name = key.removeprefix("HTTP_").replace("_", "-").lower()
            if name not in WITHHELD:
                headers[name] = str(value)
    return headers | {
        "x-forwarded-for": environ.get("REMOTE_ADDR", "127.0.0.1"),
        "x-forwarded-proto": "https",
    }


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    """Return a text as it is, and anything else in base64."""
    if not content_type or TEXT.match(content_type):
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _context(request: UrlRequest, environ: Environ) -> dict[str, Any]:
    now, caller = time.time(), request.caller
    context: dict[str, Any] = {
        "accountId": caller.account if caller else "anonymous",
        "apiId": request.url_id,
        "domainName": request.host,
        "domainPrefix": request.url_id,
        "http": {
            "method": environ["REQUEST_METHOD"],
            "path": request.path,
            "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
            "sourceIp": environ.get("REMOTE_ADDR", "127.0.0.1"),
            "userAgent": environ.get("HTTP_USER_AGENT", ""),
        },
        "requestId": request.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now * 1000),
    }
    if caller:
        identity = {
            "accessKey": request.access_key,
            "accountId": caller.account,
            "callerId": caller.unique_id,
            "userArn": caller.arn,
            "userId": caller.unique_id,
        }
        context["authorizer"] = {"iam": identity}
    return context


def response_of(payload: bytes) -> Response:
    """Return the HTTP response for what a function returned.

    An object with a ``statusCode`` is a response; anything else is the body of one, as JSON.

    Raises
    ------
    InvalidPayloadError
        A member of the response is of the wrong kind.
    """
    document = json.loads(payload or b"null")
    if not isinstance(document, dict) or "statusCode" not in document:
        body = document.encode() if isinstance(document, str) else payload
        return Response(200, [("Content-Type", "application/json")], body)
    try:
        status = int(document["statusCode"])
    except (TypeError, ValueError) as error:
        raise InvalidPayloadError(f"statusCode {document['statusCode']!r}") from error
    headers = document.get("headers") or {}
    cookies = document.get("cookies") or []
    if not 100 <= status <= 599 or not isinstance(headers, dict) or not isinstance(cookies, list):
        raise InvalidPayloadError("statusCode, headers or cookies")
    fields = [(header_name(name), header_value(value)) for name, value in headers.items()]
    if not any(name.lower() == "content-type" for name, _ in fields):
        fields.append(("Content-Type", "application/json"))
    fields += [("Set-Cookie", header_value(cookie)) for cookie in cookies]
    return Response(status, fields, _response_body(document))


def header_name(name: str) -> str:
    """Return the name of a header of a response.

    Raises
    ------
    InvalidPayloadError
        It is none: with a line break, it would be more than one header.
    """
    if not TOKEN.fullmatch(name):
        raise InvalidPayloadError(f"the header {name!r}")
    return name


def header_value(value: Any) -> str:
    """Return the value of a header of a response as text.

    Raises
    ------
    InvalidPayloadError
        It is no text, number or truth value, or has control characters.
    """
    if isinstance(value, (dict, list)) or value is None or CONTROL.search(str(value)):
        raise InvalidPayloadError(f"the header value {value!r}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _response_body(document: dict[str, Any]) -> bytes:
    body = document.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidPayloadError("the body is no text")
    if not document.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise InvalidPayloadError("the body is no base64") from error
