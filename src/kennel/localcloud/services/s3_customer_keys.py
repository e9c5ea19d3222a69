"""S3: encryption with customers' keys (SSE-C): what was written with a key is read with the same key only.

The contents of objects are not encrypted with it; the local cloud keeps a salted digest of the key.
Source: S3 user guide, "Using server-side encryption with customer-provided keys (SSE-C)"; S3 API reference,
PutObject, GetObject, CopyObject, CreateMultipartUpload, UploadPart, UploadPartCopy.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.moto_adapter import customer_keys, replicas
from kennel.localcloud.moto_adapter.customer_keys import KeyDigest
from kennel.localcloud.protocol.canonical import copy_source
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.s3_blocked_encryption import check_not_blocked

ALGORITHM, KEY_BYTES = "AES256", 32
HEADER = "x-amz-server-side-encryption"
SOURCE = "CopySource"
REQUESTS = "Requests specifying Server Side Encryption with Customer provided keys must provide"


@dataclass(frozen=True)
class CustomerKey:
    """A key that a request brings, and its MD5 as headers have it."""

    secret: bytes = field(repr=False)
    md5: str

    def show(self, response: Response) -> None:
        """Let an answer name the key by its MD5, and no other encryption."""
        if not response.ok:
            return
        kept = [each for each in response.headers if not each[0].lower().startswith(HEADER)]
        response.headers[:] = [
            *kept,
            (f"{HEADER}-customer-algorithm", ALGORITHM),
            (f"{HEADER}-customer-key-MD5", self.md5),
        ]


def key_of(parameters: Mapping[str, Any], prefix: str = "") -> CustomerKey | None:
    """Return the key that a request brings; None if it brings none.

    Parameters
    ----------
    prefix
        ``CopySource`` for the key of a copy's source.

    Raises
    ------
    AwsError
        ``InvalidArgument`` or ``InvalidEncryptionAlgorithmError``.
    """
    algorithm, text, md5 = (
        parameters.get(f"{prefix}SSECustomer{name}") for name in ("Algorithm", "Key", "KeyMD5")
    )
    if not (algorithm or text or md5):
        return None
    if not algorithm:
        raise AwsError("InvalidArgument", f"{REQUESTS} a valid encryption algorithm.", 400)
    if algorithm != ALGORITHM:
        message = "The encryption request that you specified is not valid. The valid value is AES256."
        raise AwsError("InvalidEncryptionAlgorithmError", message, 400)
    if not text:
        raise AwsError("InvalidArgument", f"{REQUESTS} an appropriate secret key.", 400)
    if not md5:
        raise AwsError("InvalidArgument", f"{REQUESTS} the client calculated MD5 of the secret key.", 400)
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        message = "The secret key was invalid for the specified algorithm."
        raise AwsError("InvalidArgument", message, 400)
    computed = base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()
    if not hmac.compare_digest(computed.encode(), str(md5).encode()):
        message = "The calculated MD5 hash of the key did not match the hash that was provided."
        raise AwsError("InvalidArgument", message, 400)
    return CustomerKey(secret, computed)


def check_read(call: Call) -> CustomerKey | None:
    """Return the key that a request reads an object with; None if it needs none.

    Raises
    ------
    AwsError
        ``InvalidRequest`` without the key, or with one that is not needed; ``AccessDenied`` with another.
    """
    parameters = call.parameters
    key = key_of(parameters)
    version = replicas.version_of(parameters["Bucket"], parameters["Key"], parameters.get("VersionId"))
    _check(version, key)
    return key


def check_source(call: Call, target: CustomerKey | None = None) -> None:
    """Check the key of a copy's source, as `check_read`.

    Parameters
    ----------
    target
        The key of the copy. To change an object's key alone is a change, too, which moto does not see.
    """
    parameters = call.parameters
    bucket, name, version = copy_source(parameters["CopySource"])
    key = key_of(parameters, SOURCE)
    _check(replicas.version_of(bucket, name, version or None), key)
    default = call.backend().get_bucket(parameters["Bucket"]).encryption
    if (bucket, name) == (parameters["Bucket"], parameters["Key"]) and (target or (key and not default)):
        call.environ.setdefault("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION", ALGORITHM)


def _check(record: Any, key: CustomerKey | None) -> None:
    digest = customer_keys.digest_with(record)
    if digest is None:
        if key is not None and replicas.is_object(record):
            message = "The encryption parameters are not applicable to this object."
            raise AwsError("InvalidRequest", message, 400)
        return
    if key is None:
        message = (
            "The object was stored using a form of Server Side Encryption. The correct parameters must be "
            "provided to retrieve the object."
        )
        raise AwsError("InvalidRequest", message, 400)
    if not digest.matches(key.secret):
        raise AwsError("AccessDenied", f"{REQUESTS} the correct secret key.", 403)


def key_to_write(call: Call) -> CustomerKey | None:
    """Return the key that a request writes an object, or begins an upload, with; None if it has none.

    Raises
    ------
    AwsError
        ``InvalidArgument``: it asks for another encryption, too. ``AccessDenied``: its bucket blocks SSE-C.
    """
    key = key_of(call.parameters)
    if key is None:
        return None
    if call.parameters.get("ServerSideEncryption") or call.parameters.get("SSEKMSKeyId"):
        raise AwsError(
            "InvalidArgument",
            "Server Side Encryption with Customer provided key is incompatible with the encryption method "
            "specified",
            400,
        )
    check_not_blocked(call.backend().get_bucket(call.parameters["Bucket"]))
    return key


def digest_to_write(call: Call, key: CustomerKey | None) -> KeyDigest | None:
    """Return what is kept of the key of a new object: of a completed upload, what it has since it began."""
    if call.operation == "CompleteMultipartUpload":
        return customer_keys.digest_with(_upload(call))
    return customer_keys.digest_of(key.secret) if key else None


def check_part(call: Call) -> CustomerKey | None:
    """Return the key of a request for an upload, which must be the upload's own; None if neither has one.

    Raises
    ------
    AwsError
        ``InvalidRequest``.
    """
    key, upload = key_of(call.parameters), _upload(call)
    if upload is None:  # an upload that was completed before, and is completed again
        return key
    digest = customer_keys.digest_with(upload)
    if digest is None and key is not None:
        raise AwsError(
            "InvalidRequest",
            "The multipart upload initiate did not request encryption. Please resend the request without "
            "sending encryption parameters.",
            400,
        )
    if digest is not None and key is None and call.operation != "CompleteMultipartUpload":
        raise AwsError(
            "InvalidRequest",
            "The multipart upload initiate requested encryption. Subsequent part requests must include the "
            "appropriate encryption parameters.",
            400,
        )
    if digest is not None and key is not None and not digest.matches(key.secret):
        message = "The provided encryption parameters did not match the ones used originally."
        raise AwsError("InvalidRequest", message, 400)
    return key


def _upload(call: Call) -> Any:
    bucket = call.backend().get_bucket(call.parameters["Bucket"])
    return bucket.multiparts.get(call.parameters["UploadId"])
