"""S3: the list of a bucket's uploads in parts; moto's has made-up times and initiators, and one page.

Source: S3 API reference, ListMultipartUploads.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.acls import OWNER
from kennel.localcloud.services.s3_listing import MAX_KEYS, head_of, page_of
from kennel.localcloud.services.s3_uploads import BEGUN

UNKNOWN = (datetime(1970, 1, 1, tzinfo=UTC), OWNER)  # of an upload that a former version kept


@operation("s3", "ListMultipartUploads")
def list_uploads(call: Call) -> dict[str, Any]:
    """List the uploads that are neither completed nor aborted, by key and time."""
    parameters = call.parameters
    encoded, head = head_of(call)
    after, upload_id = parameters.get("KeyMarker", ""), parameters.get("UploadIdMarker") or None
    limit = min(parameters.get("MaxUploads", MAX_KEYS), MAX_KEYS)
    if not after:
        upload_id = None  # as S3, which ignores it then
    page = page_of({**parameters, "MaxKeys": limit}, _uploads(call), after, upload_id)
    answer = {name: value for name, value in head.items() if name not in ("Name", "MaxKeys")}
    answer |= {
        "Bucket": parameters["Bucket"],
        "KeyMarker": encoded(after),
        "UploadIdMarker": upload_id or "",
        "MaxUploads": limit,
        "IsTruncated": page.last is not None,
        "Uploads": [_upload(upload, encoded) for upload in page.entries],
        "CommonPrefixes": [{"Prefix": encoded(prefix)} for prefix in page.prefixes],
    }
    if page.last:
        answer["NextKeyMarker"] = encoded(page.last[0])
        answer["NextUploadIdMarker"] = page.last[1] or ""
    return answer


def _uploads(call: Call) -> Iterator[tuple[str, str, Any]]:
    """Yield the key, the id and the record of each upload, by key and time."""
    uploads = list(call.backend().get_bucket(call.parameters["Bucket"]).multiparts.values())
    prefix = call.parameters.get("Prefix", "")
    for upload in sorted(uploads, key=lambda each: (each.key_name, _begun(each)[0], each.id)):
        if upload.key_name.startswith(prefix):
            yield upload.key_name, upload.id, upload


def _begun(upload: Any) -> tuple[datetime, dict[str, str]]:
    begun: tuple[datetime, dict[str, str]] = getattr(upload, BEGUN, UNKNOWN)
    return begun


def _upload(upload: Any, encoded: Any) -> dict[str, Any]:
    moment, initiator = _begun(upload)
    shown = {
        "Key": encoded(upload.key_name),
        "UploadId": upload.id,
        "Initiated": moment,
        "Initiator": initiator,
        "Owner": OWNER,
        "StorageClass": upload.storage or "STANDARD",
    }
    algorithm, kind = (upload.metadata.get(f"x-amz-checksum-{name}") for name in ("algorithm", "type"))
    more = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    return {**shown, **{name: value for name, value in more.items() if value}}
