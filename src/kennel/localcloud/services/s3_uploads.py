"""S3: uploads in parts: which upload a call is for, and the parts of what was uploaded so.

moto fails where there is no such upload, copies what a range has of it, and reads an object for each part.
Sources: S3 API reference, UploadPart, UploadPartCopy, GetObject.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.acls import OWNER
from kennel.localcloud.moto_adapter.uploads import part_content
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.canonical import copy_source
from kennel.localcloud.protocol.checksums import CHECKSUM, DEFAULT, digest_of
from kennel.localcloud.protocol.messages import AwsError, Response

MOST_PARTS = 10_000
LONGEST_KEY = 1024  # bytes
BEGUN = "begun"  # the attribute of moto's record of an upload: when it began, and who began it
IN_A_PAGE = 1000  # parts of an object, in one answer
COPIED_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@operation("s3", "AbortMultipartUpload", "ListParts")
def use_upload(call: Call) -> Response:
    """Abort an upload, or list its parts."""
    check_upload(call)
    return call.ask_moto()


def check_upload(call: Call) -> None:
    """Refuse what is for an upload that there is not.

    Raises
    ------
    AwsError
        ``NoSuchUpload``, or ``InvalidArgument`` for a number that no part has.
    """
    parameters = call.parameters
    upload = call.backend().get_bucket(parameters["Bucket"]).multiparts.get(parameters["UploadId"])
    if upload is None or upload.key_name != parameters["Key"]:
        raise AwsError(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
            "aborted or completed.",
            404,
        )
    number = parameters.get("PartNumber")
    if number is not None and not 1 <= number <= MOST_PARTS:
        message = f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        raise AwsError("InvalidArgument", message)


def note_begin(upload: Any, principal: Principal) -> None:
    """Note with an upload when it begins, and who begins it."""
    initiator = OWNER
    if not principal.unrestricted:
        initiator = {"ID": principal.arn, "DisplayName": principal.name}
    setattr(upload, BEGUN, (datetime.now(UTC), initiator))


def check_key(call: Call) -> None:
    """Refuse a key that is too long.

    Raises
    ------
    AwsError
        ``KeyTooLongError``.
    """
    if len(call.parameters["Key"].encode()) > LONGEST_KEY:
        raise AwsError("KeyTooLongError", "Your key is too long", 400)


def check_copied_range(call: Call) -> None:
    """Refuse a range of a copied part that its source does not have, or that is none.

    Raises
    ------
    AwsError
        ``InvalidArgument`` or ``InvalidRange``.
    """
    text = call.parameters.get("CopySourceRange")
    if not text:
        return
    match = COPIED_RANGE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise AwsError(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy",
        )
    bucket, key, version = copy_source(call.parameters["CopySource"])
    source = call.backend().get_object(bucket, key, version or None)
    if source is not None and int(match[2]) >= source.size:
        message = f"Range specified is not valid for source object of size: {source.size}"
        raise AwsError("InvalidRange", message, 416)


def read_part(call: Call) -> list[tuple[str, str]]:
    """Let moto read only the part that a request names, and return the headers that tell of it.

    Raises
    ------
    AwsError
        ``InvalidPartNumber``: the object has no such part. ``InvalidRequest``: the request has a range, too.
    """
    parameters = call.parameters
    number = parameters.get("PartNumber")
    if number is None:
        return []
    if parameters.get("Range"):
        message = "Cannot specify both Range header and partNumber query parameter."
        raise AwsError("InvalidRequest", message)
    record = call.backend().get_object(parameters["Bucket"], parameters["Key"], parameters.get("VersionId"))
    if record is None:
        return []
    sizes = part_sizes(record)
    if not 1 <= number <= max(len(sizes), 1):
        raise AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)
    if not sizes:
        return []
    version = parameters.get("VersionId")
    call.environ["QUERY_STRING"] = f"versionId={quote(version)}" if version else ""
    first = sum(sizes[: number - 1])
    call.environ["HTTP_RANGE"] = f"bytes={first}-{first + sizes[number - 1] - 1}"
    more = [("x-amz-mp-parts-count", str(len(sizes)))]
    if parameters.get("ChecksumMode") == "ENABLED" and record.checksum_algorithm:
        algorithm, kind = record.checksum_algorithm.lower(), record.checksum_type or "FULL_OBJECT"
        checksum = _part_checksum(record, sorted(record.multipart.parts)[number - 1])
        more += [(f"{CHECKSUM}{algorithm}", checksum), (f"{CHECKSUM}type", kind)]
    return more


def listed_parts(record: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what GetObjectAttributes shows of an object's parts: each one, if each has a checksum.

    Parameters
    ----------
    parameters
        The request's, with ``MaxParts`` and ``PartNumberMarker``.
    """
    sizes = part_sizes(record)
    if not sizes:
        return {}
    shown: dict[str, Any] = {"TotalPartsCount": len(sizes)}
    algorithm = (record.checksum_algorithm or "").upper()
    if algorithm in ("", DEFAULT):  # S3 computes it of the whole object
        return shown
    marker, most = int(parameters.get("PartNumberMarker") or 0), int(parameters.get("MaxParts") or IN_A_PAGE)
    numbers = sorted(record.multipart.parts)
    page = [(each, size) for each, size in zip(numbers, sizes, strict=True) if each > marker][:most]
    last = page[-1][0] if page else marker
    parts = [
        {"PartNumber": each, "Size": size, f"Checksum{algorithm}": _part_checksum(record, each)}
        for each, size in page
    ]
    more = {"PartNumberMarker": marker, "MaxParts": most, "IsTruncated": last < numbers[-1]}
    return {**shown, **more, "NextPartNumberMarker": last, "Parts": parts}


def _part_checksum(record: Any, number: int) -> str:
    chunks = part_content(record.multipart.parts[number])
    return base64.b64encode(digest_of(record.checksum_algorithm.upper(), chunks)).decode()


def part_sizes(record: Any) -> list[int]:
    """Return the sizes of an object's parts, in bytes; none of an object that was written at once."""
    upload = record.multipart
    if upload is None or not re.search(r"-\d+\"?$", record.etag):
        return []
    sizes = [upload.parts[number].contentsize for number in sorted(upload.parts)]
    return sizes if sum(sizes) == record.size else []
