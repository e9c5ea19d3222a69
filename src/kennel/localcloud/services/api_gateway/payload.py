"""Payload format 1.0: what a function gets from a REST API, or from an HTTP API that is set so, and returns.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import Environ, Response
from kennel.localcloud.services.lambda_.url_payload import (
    TEXT,
    InvalidPayloadError,
    header_name,
    header_value,
    headers_of,
)

STATUS = re.compile(r"[1-5][0-9][0-9]")


@dataclass(frozen=True)
class ApiRequest:
    """A request to an API, and the route that it takes.

    Attributes
    ----------
    path
        As it was sent, below the stage.
    resource, resource_id
        The route's path, and the id of a REST API's resource.
    caller, access_key
        Who signed it; None where anybody may call.
    """

    api_id: str
    stage: str
    host: str
    path: str
    resource: str
    request_id: str
    resource_id: str = ""
    path_parameters: dict[str, str] = field(default_factory=dict)
    stage_variables: dict[str, str] = field(default_factory=dict)
    caller: Principal | None = None
    access_key: str = ""

    @property
    def full_path(self) -> str:
        """Its path with the stage, unless that is the default one."""
        return self.path if self.stage == "$default" else f"/{self.stage}{self.path}"


def event_of(request: ApiRequest, environ: Environ, body: bytes, binary: list[str]) -> dict[str, Any]:
    """Return the event for the function.

    Parameters
    ----------
    binary
        The media types whose bodies come in base64; any other body is a text.
    """
    headers = headers_of(environ)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        query.setdefault(name, []).append(value)
    content_type = headers.get("content-type", "").split(";")[0].strip()
    encoded = bool(body) and is_binary(content_type, binary)
    text = base64.b64encode(body).decode() if encoded else body.decode(errors="replace")
    return {
        "resource": request.resource,
        "path": request.path,
        "httpMethod": environ["REQUEST_METHOD"],
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": request.path_parameters or None,
        "stageVariables": request.stage_variables or None,
        "requestContext": _context(request, environ),
        "body": text if body else None,
        "isBase64Encoded": encoded,
    }


def is_binary(content_type: str, binary: list[str]) -> bool:
    """Whether a media type is one of those that an API lists as binary."""
    kind = content_type.split("/")[0]
    return any(listed in ("*/*", content_type, f"{kind}/*") for listed in binary)


def binary_of_http_api(environ: Environ) -> list[str]:
    """Return what is binary to an HTTP API: all but texts."""
    content_type = environ.get("CONTENT_TYPE", "")
    return [] if not content_type or TEXT.match(content_type) else ["*/*"]


def _context(request: ApiRequest, environ: Environ) -> dict[str, Any]:
    now, caller = time.time(), request.caller
    return {
        "accountId": caller.account if caller else "123456789012",
        "apiId": request.api_id,
        "domainName": request.host,
        "domainPrefix": request.api_id,
        "extendedRequestId": request.request_id,
        "httpMethod": environ["REQUEST_METHOD"],
        "identity": {
            "accessKey": request.access_key or None,
            "accountId": caller.account if caller else None,
            "caller": caller.unique_id if caller else None,
            "sourceIp": environ.get("REMOTE_ADDR", "127.0.0.1"),
            "user": caller.unique_id if caller else None,
            "userAgent": environ.get("HTTP_USER_AGENT", ""),
            "userArn": caller.arn if caller else None,
        },
        "path": request.full_path,
        "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
        "requestId": request.request_id,
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": request.resource_id,
        "resourcePath": request.resource,
        "stage": request.stage,
    }


def response_of(payload: bytes) -> Response:
    """Return the HTTP response for what a function returned.

    Raises
    ------
    InvalidPayloadError
        It is no object with a ``statusCode``, or a member is of the wrong kind.
    """
    document = json.loads(payload or b"null")
    status = str(document.get("statusCode", "")) if isinstance(document, dict) else ""
    if not STATUS.fullmatch(status):
        raise InvalidPayloadError("no statusCode")
    headers, many = document.get("headers") or {}, document.get("multiValueHeaders") or {}
    body = document.get("body")
    if not isinstance(headers, dict) or not isinstance(many, dict) or not isinstance(body, str | None):
        raise InvalidPayloadError("headers or body")
    if not all(isinstance(values, list) for values in many.values()):
        raise InvalidPayloadError("multiValueHeaders")
    fields = [(header_name(name), header_value(value)) for name, value in headers.items() if name not in many]
    fields += [(header_name(name), header_value(value)) for name, values in many.items() for value in values]
    if not any(name.lower() == "content-type" for name, _ in fields):
        fields.append(("Content-Type", "application/json"))
    content = (body or "").encode()
    if document.get("isBase64Encoded"):
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise InvalidPayloadError("the body is no base64") from error
    return Response(int(status), fields, content)
