"""Objects that S3's log delivery writes into moto's buckets."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import ServiceException
from moto.s3.models import OWNER as OWNER_ID
from moto.s3.models import s3_backends

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.moto_adapter.s3_events import S3Request

__all__ = ["OWNER_ID", "write"]
SERVICE = "logging.s3.amazonaws.com"


def write(source: Any, target: str, key: str, text: str) -> str:
    """Write the log of a bucket into another one, if that lets the service.

    Returns
    -------
    Why it could not be written; empty if it was.
    """
    backend = s3_backends[ACCOUNT_ID]["aws"]
    bucket = backend.buckets.get(target)
    if bucket is None:
        return f"there is no bucket {target}"
    if not (
        source._log_permissions_enabled_policy(target_bucket=bucket, target_prefix=key)
        or source._log_permissions_enabled_acl(target_bucket=bucket)
    ):
        return f"{target} does not let {SERVICE} write {key}"
    with S3Request("PutObject", SERVICE, SERVICE).answering():
        try:
            record = backend.put_object(target, key, text.encode())
        except ServiceException as error:
            return f"{error.code}: {error.message}"
    record.set_metadata({"content-type": "text/plain"})
    return ""
