"""Requests that boto3 builds, as the gateway decodes them."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from werkzeug.test import EnvironBuilder

from kennel.localcloud.authorization.identify import OPERATOR
from kennel.localcloud.dispatch.cloud import MOTO_SETTINGS
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.protocol import codec
from kennel.localcloud.protocol.service_names import service_of
from kennel.localcloud.protocol.signature import read_signature
from kennel.localcloud.protocol.sigv4 import verify

A, R = "123456789012", "us-east-1"
# AWS's own policies: moto makes more than a thousand records of them for each test, and none here reads one.
MOTO_SETTINGS["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"


class Captured(Exception):  # noqa: N818 - carries the request out of the SDK
    pass


def request_of(service: str, operation: str, parameters: dict[str, Any]) -> ApiRequest:
    """Return what the gateway decodes from an SDK's request, whose signature is verified first."""
    client = boto3.client(
        service,
        region_name=R,
        endpoint_url="http://127.0.0.1:4510",
        aws_access_key_id="AKIAKENNELOPERATOR00",
        aws_secret_access_key="kennel-local-operator",
        config=Config(s3={"addressing_style": "path"}, parameter_validation=False),
    )

    def capture(request: Any, **_: Any) -> None:
        raise Captured(request)

    client.meta.events.register("before-send", capture)
    with pytest.raises(Captured) as caught:
        getattr(client, operation)(**parameters)
    request = caught.value.args[0]
    parts = urlsplit(request.url)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    elif isinstance(body, str):
        body = body.encode()
    environ = EnvironBuilder(
        path=parts.path,
        query_string=parts.query,
        method=request.method,
        base_url=f"http://{parts.netloc}",
        headers=[
            (name, value.decode() if isinstance(value, bytes) else value)
            for name, value in request.headers.items()
        ],
        input_stream=io.BytesIO(body),
        content_length=len(body),
    ).get_environ()
    environ["RAW_URI"] = parts.path + (f"?{parts.query}" if parts.query else "")
    signature = read_signature(environ)
    assert signature is not None
    name = service_of(signature.service, environ)
    decoded = codec.decode(name, environ)
    verify(signature, "kennel-local-operator", environ, decoded.body)
    return ApiRequest(
        service=name,
        operation=decoded.model.name,
        principal=OPERATOR,
        parameters=decoded.parameters,
        region=R,
        account=A,
        protocol=decoded.protocol,
    )
