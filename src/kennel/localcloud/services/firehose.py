"""Firehose: moto writes what is put into a stream to S3, as it is; what else a stream could do is refused."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response

CODE = "InvalidArgumentException"
SOURCES = refusal(
    "firehose", "sources of streams other than `DirectPut`", "put the records into the stream yourself", CODE
)
DESTINATIONS = refusal(
    "firehose", "destinations of streams other than S3", "write to S3, and let a notification lead on", CODE
)
PROCESSING = refusal(
    "firehose",
    "`ProcessingConfiguration`, `DynamicPartitioningConfiguration` and conversion of formats",
    "prepare the records before they are put",
    CODE,
)
S3 = ("S3", "ExtendedS3")
PROCESSED = (
    "ProcessingConfiguration",
    "DynamicPartitioningConfiguration",
    "DataFormatConversionConfiguration",
)


@operation("firehose", "CreateDeliveryStream", "UpdateDestination")
def create_delivery_stream(call: Call) -> Response:
    """Create or change a stream through moto, if all that it says happens."""
    parameters = call.parameters
    source = parameters.get("DeliveryStreamType") or "DirectPut"
    if source != "DirectPut":
        raise SOURCES.error(f"streams with the source {source}")
    for ending in ("DestinationConfiguration", "DestinationUpdate"):
        for name, settings in parameters.items():
            if name.endswith(ending):
                _check_destination(name.removesuffix(ending), settings)
    return call.ask_moto()


def _check_destination(kind: str, settings: dict[str, Any]) -> None:
    if kind not in S3:
        raise DESTINATIONS.error(f"destination {kind}")
    for name in PROCESSED:
        if settings.get(name, {}).get("Enabled"):
            raise PROCESSING.error(name)
