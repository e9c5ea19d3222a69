"""Events in AWS's stream encoding are read by botocore."""

from __future__ import annotations

from botocore.eventstream import EventStreamBuffer

from kennel.localcloud.services.sagemaker.endpoints.response_stream import event


def test_botocore_reads_events_whole_and_in_order() -> None:
    parts = [b"", b"first", bytes(range(256)) * 300]
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(event("PayloadPart", part) for part in parts))
    messages = list(buffer)
    assert [message.payload for message in messages] == parts
    assert {message.headers[":event-type"] for message in messages} == {"PayloadPart"}
