"""Configurations of buckets, kept with moto's record of the bucket, so that they go with it."""

from __future__ import annotations

from typing import Any

KEPT = "kennel_configurations"  # the attribute of a bucket's record


def configurations_of(bucket: Any, kind: str) -> dict[str, Any]:
    """Return a bucket's configurations of a kind by their ids, to read or to change."""
    if not hasattr(bucket, KEPT):
        setattr(bucket, KEPT, {})
    kinds: dict[str, dict[str, Any]] = getattr(bucket, KEPT)
    return kinds.setdefault(kind, {})
