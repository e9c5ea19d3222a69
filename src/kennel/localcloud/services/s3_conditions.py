"""S3: writes under a condition, of which one of several callers succeeds."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import TransientStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response


@dataclass
class WriteLocks(TransientStore):
    """Locks of objects that are written under a condition, by bucket and key."""

    everywhere = True

    by_object: defaultdict[tuple[str, str], threading.Lock] = field(
        default_factory=lambda: defaultdict(threading.Lock)
    )


@operation("s3", "PutObject", "CopyObject", "CompleteMultipartUpload")
def write_object(call: Call) -> Response:
    """Check the condition of a write and write in one step, so that one of several callers succeeds.

    moto checks before it writes, without a lock, and ignores the condition of a copy.
    """
    if not (call.parameters.get("IfNoneMatch") or call.parameters.get("IfMatch")):
        return call.ask_moto()
    bucket, key = call.parameters["Bucket"], call.parameters["Key"]
    with call.cloud.lock:
        lock = call.cloud.store(WriteLocks).by_object[bucket, key]
    with lock:
        if call.operation == "CopyObject":
            _check_copy(call)
        return call.ask_moto()


def _check_copy(call: Call) -> None:
    existing = call.backend().get_object(call.parameters["Bucket"], call.parameters["Key"])
    expected = call.parameters.get("IfMatch")
    if call.parameters.get("IfNoneMatch") and existing is not None:
        condition = "If-None-Match"
    elif expected and (existing is None or existing.etag.strip('"') != expected.strip('"')):
        condition = "If-Match"
    else:
        return
    message = "At least one of the pre-conditions you specified did not hold"
    raise AwsError("PreconditionFailed", f"{message}: {condition}", 412)
