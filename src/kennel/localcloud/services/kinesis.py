"""Kinesis: moto forgets the tags that a stream is made with."""

from __future__ import annotations

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response


@operation("kinesis", "CreateStream")
def create_stream(call: Call) -> Response:
    """Make a stream, with its tags."""
    response, tags = call.ask_moto(), call.parameters.get("Tags")
    if response.ok and tags:
        call.backend().add_tags_to_stream(None, call.parameters["StreamName"], tags)
    return response
