"""InvokeEndpointWithResponseStream: the model's answer as a stream of events, each part as it comes.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
"""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from collections.abc import Iterator, Mapping

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response, StreamedResponse
from kennel.localcloud.services.sagemaker.endpoints.invocation import (
    Conversation,
    answer_headers,
    called_endpoint,
    open_answer,
)

STRING = 7  # the type of a header's value


@operation("sagemaker-runtime", "InvokeEndpointWithResponseStream")
def invoke_endpoint_with_response_stream(call: Call) -> Response:
    """Ask an endpoint for a prediction, and return its parts as they come."""
    with contextlib.ExitStack() as stack:
        asked = stack.enter_context(open_answer(call, called_endpoint(call), call.body))
        headers = [
            ("Content-Type", "application/vnd.amazon.eventstream"),
            *answer_headers("X-Amzn-SageMaker-Content-Type", asked.answer, asked.variant),
        ]
        return StreamedResponse(200, headers, b"", EventStream(asked, stack.pop_all()))


class EventStream:
    """The parts of an answer as events; what ends it early is an event too.

    Parameters
    ----------
    asked
        The answer.
    held
        Closed at the end: it holds the place of the instance.
    """

    def __init__(self, asked: Conversation, held: contextlib.ExitStack) -> None:
        self._asked, self._held = asked, held

    def __iter__(self) -> Iterator[bytes]:
        asked, received = self._asked, bytearray()
        try:
            with self._held:
                with asked.exchange.translated():
                    for part in asked.answer.parts():
                        if asked.captured:
                            received += part
                        yield event("PayloadPart", part)
                asked.keep(bytes(received))
        except AwsError as error:
            timed_out = getattr(error, "OriginalStatusCode", None) == 0
            code = "ModelInvocationTimeExceeded" if timed_out else "StreamBroken"
            yield exception("ModelStreamError", {"ErrorCode": code, "Message": error.message})

    def close(self) -> None:
        """Give the place of the instance back, if the client went away."""
        self._held.close()


def event(kind: str, payload: bytes) -> bytes:
    """Return an event in AWS's encoding, ``application/vnd.amazon.eventstream``.

    https://smithy.io/2.0/aws/amazon-eventstream.html
    """
    return message(
        {":message-type": "event", ":event-type": kind, ":content-type": "application/octet-stream"}, payload
    )


def exception(kind: str, members: Mapping[str, str]) -> bytes:
    """Return an event that says why a stream ends."""
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return message(headers, json.dumps(members).encode())


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return a message: lengths, their checksum, headers, payload, and the checksum of all."""
    encoded = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    whole = lengths + struct.pack("!I", zlib.crc32(lengths)) + encoded + payload
    return whole + struct.pack("!I", zlib.crc32(whole))
