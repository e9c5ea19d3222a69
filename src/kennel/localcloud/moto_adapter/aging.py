"""The age of moto's S3 objects, delete markers and uploads by the cloud's clock, and what expires of them.

S3's own times stay on the wall's clock, as signatures do: an object has the cloud's time beside them.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from moto.s3 import models

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.clock import Clock
from kennel.localcloud.moto_adapter.patching import replace

SINCE = "cloud_time"  # the attribute of a record


def note_times(clock: Clock) -> None:
    """Let each object, delete marker and upload note when it is made, by a clock."""
    for kind in (models.FakeKey, models.FakeDeleteMarker, models.FakeMultipart):
        _note(kind, clock)


def _note(kind: Any, clock: Clock) -> None:
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        setattr(self, SINCE, clock.time())

    original = replace(kind, "__init__", init)


def since(record: Any) -> float:
    """Return when a record was made, in seconds since the epoch; 0 of an upload that did not note it."""
    noted: float | None = getattr(record, SINCE, None)
    if noted is not None:
        return noted
    made = getattr(record, "last_modified", None)
    return float(made.replace(tzinfo=UTC).timestamp()) if made else 0.0


def buckets() -> list[Any]:
    """Return moto's records of all buckets."""
    return list(models.s3_backends[ACCOUNT_ID]["aws"].buckets.values())


def delete(bucket: str, key: str, version: str | None) -> None:
    """Delete a version, or without one the object, as the bucket's versioning says."""
    models.s3_backends[ACCOUNT_ID]["aws"].delete_object(bucket, key, version_id=version)
