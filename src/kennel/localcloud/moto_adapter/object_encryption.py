"""How moto's S3 objects are encrypted: an object's, an upload's, and a bucket's default encryption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.s3.models import s3_backends

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.moto_adapter.customer_keys import digest_with

CUSTOMER = "SSE-C"  # with a key of the customer's, which no permission is needed for
KMS_ALGORITHMS = ("aws:kms", "aws:kms:dsse")


@dataclass(frozen=True)
class Encryption:
    """Server-side encryption: ``AES256``, ``aws:kms``, … and the KMS key's id, ARN or alias."""

    algorithm: str | None = None
    key_id: str | None = None

    @property
    def with_kms(self) -> bool:
        """Whether a KMS key encrypts, rather than S3's own."""
        return self.algorithm in KMS_ALGORITHMS


def of_object(bucket: str, key: str, version: str | None) -> Encryption:
    """Return how an object is encrypted; no encryption if it does not exist.

    Parameters
    ----------
    version
        The object's version; None means the latest.
    """
    record = _bucket(bucket)
    if record is None:
        return Encryption()
    if version:
        versions = record.keys.getlist(key)
        stored = next((item for item in versions if str(item.version_id) == version), None)
    else:
        stored = record.keys.get(key)
    return Encryption(getattr(stored, "encryption", None), getattr(stored, "kms_key_id", None))


def of_upload(bucket: str, upload_id: str | None) -> Encryption | None:
    """Return the encryption that a multipart upload requests; None if the upload does not exist."""
    record = _bucket(bucket)
    upload = record.multiparts.get(upload_id) if record else None
    if digest_with(upload):
        return Encryption(CUSTOMER)
    return Encryption(upload.sse_encryption, upload.kms_key_id) if upload else None


def default_of(bucket: str) -> Encryption:
    """Return a bucket's default encryption; no encryption if it has none."""
    record = _bucket(bucket)
    rule = ((record.encryption if record else None) or {}).get("Rule", {})
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    return Encryption(default.get("SSEAlgorithm"), default.get("KMSMasterKeyID"))


def _bucket(name: str) -> Any:
    return s3_backends[ACCOUNT_ID]["aws"].buckets.get(name)
