"""Requests that no SDK builds, as the codec decodes them."""

from __future__ import annotations

import pytest
from werkzeug.test import EnvironBuilder

from kennel.localcloud.protocol import codec

CONTENT_TYPES = [
    "application/x-www-form-urlencoded",
    "application/x-amz-json-1.1",
    "multipart/form-data; boundary=x",
    "image/jpeg",
    "",
]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize(
    ("service", "path", "operation"),
    [
        ("lambda", "/2015-03-31/functions/f/invocations", "Invoke"),
        ("sagemaker-runtime", "/endpoints/e/invocations", "InvokeEndpoint"),
    ],
)
def test_the_content_type_of_a_payload_does_not_choose_the_operation(
    service: str, path: str, operation: str, content_type: str
) -> None:
    body = b"Action=DeleteFunction&InvocationType=Event"
    environ = EnvironBuilder(
        path=path, method="POST", data=body, content_type=content_type or None
    ).get_environ()
    decoded = codec.decode(service, environ)
    assert decoded.model.name == operation
    assert decoded.body == body
    assert "InvocationType" not in decoded.parameters
    if service == "sagemaker-runtime":
        assert decoded.parameters.get("ContentType") == (content_type or None)
