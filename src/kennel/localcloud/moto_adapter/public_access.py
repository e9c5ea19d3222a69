"""Blocks of public access: of a bucket, and of the whole account; the stricter one counts."""

from __future__ import annotations

from typing import Any

from moto.s3control.models import s3control_backends

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.public import is_public


def blocks(bucket: str, setting: str) -> bool:
    """Return whether a setting of a public access block applies to a bucket, e.g. ``block_public_acls``."""
    record = policy_store.bucket_record(bucket)
    account = s3control_backends[ACCOUNT_ID]["aws"].public_access_block
    return _is_on(getattr(record, "public_access_block", None), setting) or _is_on(account, setting)


def closes(bucket: str) -> bool:
    """Return whether a bucket's policy is public, and a block keeps out those whom it does not name."""
    if not blocks(bucket, "restrict_public_buckets"):
        return False
    policy = policy_store.bucket_policy(bucket)
    return policy is not None and is_public(policy)


def _is_on(block: Any, setting: str) -> bool:
    return str(getattr(block, setting, False)).lower() == "true"  # as in the request's XML
