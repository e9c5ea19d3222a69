"""Lambda's check of a zip before it takes it; moto takes any bytes, and the first invocation would fail."""

from __future__ import annotations

import io
import zipfile

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.lambda_.function_version import UNREADABLE

LARGEST_UNZIPPED = 262_144_000  # bytes; Lambda developer guide, "Lambda quotas"
ENCRYPTED = 0x1  # the flag of an entry


@operation("lambda", "CreateFunction", "UpdateFunctionCode")
def take_code(call: Call) -> Response:
    """Refuse what is no zip, as Lambda does."""
    content = (call.parameters.get("Code") or call.parameters).get("ZipFile")
    if isinstance(content, bytes):
        _check(content)
    return call.ask_moto()


def _check(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except UNREADABLE as error:
        raise _unreadable() from error
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise _unreadable()
    if sum(entry.file_size for entry in entries) >= LARGEST_UNZIPPED:
        raise AwsError(
            "InvalidParameterValueException",
            f"Unzipped size must be smaller than {LARGEST_UNZIPPED} bytes",
        )


def _unreadable() -> AwsError:
    return AwsError(
        "InvalidParameterValueException",
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )
