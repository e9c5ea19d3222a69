"""InvokeEndpointWithResponseStream: the model's answer as a stream of events.

The parts are sent when the model has answered: nothing of an answer is passed on before its end.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response
from kennel.localcloud.services.sagemaker.endpoints.invocation import (
    CUSTOM_ATTRIBUTES,
    INVOKED_VARIANT,
    answer_call,
)

PART_BYTES = 65_536
STRING = 7  # the type of a header's value


@operation("sagemaker-runtime", "InvokeEndpointWithResponseStream")
def invoke_endpoint_with_response_stream(call: Call) -> Response:
    """Ask an endpoint for a prediction, and return it in parts."""
    answer, variant = answer_call(call)
    headers = [
        ("Content-Type", "application/vnd.amazon.eventstream"),
        ("X-Amzn-SageMaker-Content-Type", answer.headers.get("Content-Type", "application/octet-stream")),
        (INVOKED_VARIANT, variant.plan.name),
    ]
    if CUSTOM_ATTRIBUTES in answer.headers:
        headers.append((CUSTOM_ATTRIBUTES, answer.headers[CUSTOM_ATTRIBUTES]))
    parts = (answer.body[start : start + PART_BYTES] for start in range(0, len(answer.body), PART_BYTES))
    return Response(200, headers, b"".join(event("PayloadPart", part) for part in parts))


def event(kind: str, payload: bytes) -> bytes:
    """Return an event in AWS's encoding, ``application/vnd.amazon.eventstream``.

    https://smithy.io/2.0/aws/amazon-eventstream.html
    """
    return message(
        {":message-type": "event", ":event-type": kind, ":content-type": "application/octet-stream"}, payload
    )


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return a message: lengths, their checksum, headers, payload, and the checksum of all."""
    encoded = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    whole = lengths + struct.pack("!I", zlib.crc32(lengths)) + encoded + payload
    return whole + struct.pack("!I", zlib.crc32(whole))
