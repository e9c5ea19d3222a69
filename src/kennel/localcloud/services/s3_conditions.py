"""S3: writes, under a condition of which one of several callers succeeds, and with their checksums."""

from __future__ import annotations

import base64
import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import TransientStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import customer_keys
from kennel.localcloud.moto_adapter.object_encryption import KMS_ALGORITHMS
from kennel.localcloud.moto_adapter.patches.s3 import upload_checksum
from kennel.localcloud.protocol.canonical import copy_source
from kennel.localcloud.protocol.checksums import CHECKSUM, CRCS, DEFAULT, SDK_ALGORITHM, digest_of, values_of
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.s3_access import malformed_xml, prepare_list
from kennel.localcloud.services.s3_customer_keys import (
    check_part,
    check_source,
    digest_to_write,
    key_to_write,
)
from kennel.localcloud.services.s3_expiration import show_expiration
from kennel.localcloud.services.s3_object_lock import LOCKS, check_lock, lock_completed, lock_upload
from kennel.localcloud.services.s3_uploads import check_copied_range, check_key, check_upload, note_begin

UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")


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

    moto checks before it writes, without a lock, and ignores most conditions of copies and uploads in parts.
    """
    if call.operation == "CompleteMultipartUpload":
        key = check_part(call)
    else:
        prepare_list(call)
        check_lock(call)
        check_encryption(call)
        check_key(call)
        key = key_to_write(call)
    if call.operation == "CopyObject":
        check_source(call, key)
        _check_source(call)
    with customer_keys.new_objects_with(digest_to_write(call, key)):
        response = _written_if(call)
    if key and call.operation != "CompleteMultipartUpload":
        key.show(response)
    show_expiration(call, response)
    return response


def _written_if(call: Call) -> Response:
    if not (call.parameters.get("IfNoneMatch") or call.parameters.get("IfMatch")):
        return _written(call)
    bucket, key = call.parameters["Bucket"], call.parameters["Key"]
    with call.cloud.lock:
        lock = call.cloud.store(WriteLocks).by_object[bucket, key]
    with lock:
        _check(call)
        return _written(call)


def _check(call: Call) -> None:
    parameters = call.parameters
    existing = call.backend().get_object(parameters["Bucket"], parameters["Key"])
    if _is_complete(call):
        return
    expected, other = parameters.get("IfMatch"), parameters.get("IfNoneMatch")
    if other and other != "*":
        message = "A header you provided implies functionality that is not implemented"
        raise AwsError("NotImplemented", f"{message}: If-None-Match takes * only.", 501)
    if other and existing is not None:
        raise _failed("If-None-Match")
    if expected and existing is None:
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
    if expected and expected != "*" and existing.etag.strip('"') != expected.strip('"'):
        raise _failed("If-Match")


def _is_complete(call: Call) -> bool:
    """Whether a request completes an upload that made the present object: S3 answers again."""
    parameters = call.parameters
    existing = call.backend().get_object(parameters["Bucket"], parameters["Key"])
    upload = getattr(existing, "multipart", None)
    return upload is not None and upload.id == parameters.get("UploadId")


def _check_source(call: Call) -> None:
    """Check the conditions on the source of a copy; those on its tag count more than those on its time."""
    parameters = call.parameters
    bucket, key, version = copy_source(parameters["CopySource"])
    source = call.backend().get_object(bucket, key, version or None)
    if source is None:
        return  # moto says so
    tag, time = source.etag.strip('"'), source.last_modified.replace(microsecond=0, tzinfo=UTC)
    expected, other = parameters.get("CopySourceIfMatch"), parameters.get("CopySourceIfNoneMatch")
    since, until = parameters.get("CopySourceIfModifiedSince"), parameters.get("CopySourceIfUnmodifiedSince")
    if expected and expected.strip('"') not in (tag, "*"):
        raise _failed("x-amz-copy-source-If-Match")
    if until and not expected and time > _in_utc(until):
        raise _failed("x-amz-copy-source-If-Unmodified-Since")
    if other and other.strip('"') in (tag, "*"):
        raise _failed("x-amz-copy-source-If-None-Match")
    if since and not other and time <= _in_utc(since):
        raise _failed("x-amz-copy-source-If-Modified-Since")


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _failed(condition: str) -> AwsError:
    message = "At least one of the pre-conditions you specified did not hold"
    return AwsError("PreconditionFailed", f"{message}: {condition}", 412)


def _written(call: Call) -> Response:
    """Write through moto; an upload in parts is answered with its checksum, which moto leaves out."""
    if call.operation == "PutObject":
        _add_default_checksum(call)
        response = call.ask_moto()
        if response.ok:
            response.headers.append((f"{CHECKSUM}type", "FULL_OBJECT"))
        return response
    if call.operation != "CompleteMultipartUpload":
        return call.ask_moto()
    backend, parameters = call.backend(), call.parameters
    if not (parameters.get("MultipartUpload") or {}).get("Parts"):
        raise malformed_xml()
    if not _is_complete(call):
        check_upload(call)
    _check_whole(call)
    response = call.ask_moto()
    if backend.get_bucket(parameters["Bucket"]).versioning_status != "Enabled":
        version = ("x-amz-version-id", "null")
        response.headers[:] = [(name, text) for name, text in response.headers if (name, text) != version]
    written = backend.get_object(parameters["Bucket"], parameters["Key"]) if response.ok else None
    if written is not None:
        lock_completed(call, written)
    if written is None or not written.checksum_algorithm or not written.checksum_value:
        return response
    algorithm, value, kind = checksum_of(written)
    members = f"<Checksum{algorithm}>{value}</Checksum{algorithm}><ChecksumType>{kind}</ChecksumType>"
    end = b"</CompleteMultipartUploadResult>"
    body = response.body.replace(end, members.encode() + end)
    return Response(response.status, response.headers, body)


def _add_default_checksum(call: Call) -> None:
    """Give an object without a checksum one by S3's default algorithm.

    A write with a retention must have a checksum, or a hash, of its own; moto sees that it has.
    """
    environ = call.environ
    if SDK_ALGORITHM in environ:
        return
    bucket = call.backend().get_bucket(call.parameters["Bucket"])
    locked = bucket.has_default_lock or any(call.parameters.get(f"ObjectLock{name}") for name in LOCKS)
    if locked and "HTTP_CONTENT_MD5" not in environ:
        return
    digest = base64.b64encode(digest_of(DEFAULT, [call.body])).decode()
    environ |= {SDK_ALGORITHM: DEFAULT, f"HTTP_X_AMZ_CHECKSUM_{DEFAULT}": digest}


def _check_whole(call: Call) -> None:
    """Compare the checksum of the whole object that a completion has, if it has one."""
    parameters = call.parameters
    upload = call.backend().get_bucket(parameters["Bucket"]).multiparts.get(parameters["UploadId"])
    values = values_of(call.environ)
    numbers = [part.get("PartNumber") for part in parameters["MultipartUpload"]["Parts"]]
    if not values or upload is None or not set(numbers) <= set(upload.parts):
        return  # moto says so
    _, computed, count = upload_checksum(upload, [upload.parts[number] for number in numbers])
    kept = upload.metadata["x-amz-checksum-algorithm"]
    for algorithm, value in values.items():
        if algorithm != kept:
            message = (
                f"The upload was created with {kept} checksums, and its completion has one of {algorithm}."
            )
            raise AwsError("InvalidRequest", message)
        if value not in (computed, f"{computed}-{count}"):
            message = f"The {algorithm} you specified did not match the calculated checksum."
            raise AwsError("BadDigest", message)


def checksum_of(record: Any) -> tuple[str, str, str]:
    """Return the algorithm, the checksum and its type that moto keeps of an object."""
    value, kind = record.checksum_value, record.checksum_type or "FULL_OBJECT"
    if kind == "COMPOSITE":
        value = f"{value}-{record.checksum_parts}"
    return record.checksum_algorithm.upper(), value, kind


@operation("s3", "CreateMultipartUpload")
def create_upload(call: Call) -> Response:
    """Begin an upload in parts, and keep the lock that its object will have."""
    prepare_list(call)
    check_lock(call)
    check_encryption(call)
    check_key(call)
    key = key_to_write(call)
    _check_checksum_type(call)
    uploads = call.backend().get_bucket(call.parameters["Bucket"]).multiparts
    response = call.ask_moto()
    match = UPLOAD_ID.search(response.body)
    if response.ok and match:
        upload = uploads[match[1].decode()]
        note_begin(upload, call.principal)
        lock_upload(call, upload)
        if key:
            customer_keys.keep(upload, customer_keys.digest_of(key.secret))
            key.show(response)
    return response


@operation("s3", "UploadPart", "UploadPartCopy")
def write_part(call: Call) -> Response:
    """Write a part of an upload that there is."""
    check_upload(call)
    key = check_part(call)
    if call.operation == "UploadPartCopy":
        check_source(call)
    check_copied_range(call)
    response = call.ask_moto()
    if key:
        key.show(response)
    return response


def _check_checksum_type(call: Call) -> None:
    algorithm, kind = (call.parameters.get(name) for name in ("ChecksumAlgorithm", "ChecksumType"))
    if not kind:
        return
    if not algorithm:
        message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        raise AwsError("InvalidRequest", message)
    whole = kind == "FULL_OBJECT"
    if (whole and algorithm.upper() not in CRCS) or (not whole and algorithm.upper() == "CRC64NVME"):
        message = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise AwsError("InvalidRequest", message)


def check_encryption(call: Call) -> None:
    """Refuse an algorithm that there is not, and a key of KMS with another's.

    Raises
    ------
    AwsError
        ``InvalidArgument``.
    """
    algorithm, key = (call.parameters.get(name) for name in ("ServerSideEncryption", "SSEKMSKeyId"))
    if algorithm and algorithm not in ("AES256", *KMS_ALGORITHMS):
        raise AwsError("InvalidArgument", "The encryption method specified is not supported")
    if key and algorithm not in KMS_ALGORITHMS:
        raise AwsError(
            "InvalidArgument",
            "Server Side Encryption with AWS KMS managed key requires HTTP header "
            "x-amz-server-side-encryption : aws:kms",
        )
