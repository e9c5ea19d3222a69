"""Calls as the front makes them of requests that boto3 builds."""

from __future__ import annotations

import io
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from werkzeug.test import EnvironBuilder

from kennel.localcloud import wire
from kennel.localcloud.call import Call
from kennel.localcloud.cloud import Cloud
from kennel.localcloud.iam.principals import OPERATOR
from kennel.localcloud.iam.signature import read_signature, verify

A, R = "123456789012", "us-east-1"


class Captured(Exception):  # noqa: N818 - carries the request out of the SDK
    pass


def call_of(service: str, operation: str, parameters: dict[str, Any]) -> Call:
    """The call that the front would make of an SDK's request, its signature checked on the way."""
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
    name = wire.service_of(signature.service, environ)
    decoded = wire.decode(name, environ)
    verify(signature, "kennel-local-operator", environ, decoded.body)
    return Call(
        cloud=cast(Cloud, None),
        service=name,
        operation=decoded.model.name,
        model=decoded.model,
        protocol=decoded.protocol,
        parameters=decoded.parameters,
        region=R,
        account=A,
        principal=OPERATOR,
        headers=decoded.headers,
        environ=environ,
        moto=lambda *_: [],
    )
