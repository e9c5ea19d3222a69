"""S3: versions. moto forgets every version when one is written or deleted in a bucket that suspended them.

It also makes no delete marker for a key that does not exist, and takes any text for a bypass of retention.
Source: S3 user guide, "Working with objects in a versioning-suspended bucket", "Deleting object versions".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from kennel.localcloud.moto_adapter.patching import replace

_any_version: ContextVar[bool] = ContextVar("any_version", default=False)


@contextmanager
def any_version() -> Iterator[None]:
    """Let moto read versions also of a bucket whose versioning is suspended, or that never had it."""
    token = _any_version.set(True)
    try:
        yield
    finally:
        _any_version.reset(token)


class Deleted:
    """What a delete marker stands for: the name of the object, which need not exist."""

    def __init__(self, name: str) -> None:
        self.name = name


def apply() -> None:
    """Keep versions where a bucket's versioning is suspended, and notify of each that goes."""
    from moto.s3.models import FakeBucket, S3Backend

    def put_object(self: Any, bucket_name: str, key_name: str, *rest: Any, **named: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        kept = _other_versions(bucket, key_name, "null") if bucket.versioning_status == "Suspended" else []
        record = original(self, bucket_name, key_name, *rest, **named)
        if record.checksum_value and not record.checksum_type:
            record.checksum_type = "FULL_OBJECT"
        if kept:
            bucket.keys.setlist(key_name, [*kept, record])
        return record

    def is_versioned(self: Any) -> bool:
        return self.versioning_status == "Enabled" or _any_version.get()

    replace(FakeBucket, "is_versioned", property(is_versioned))
    original = replace(S3Backend, "put_object", put_object)
    replace(S3Backend, "delete_object", _delete_object)


def _delete_object(
    self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: Any = False
) -> tuple[bool, dict[str, Any]]:
    """Delete a version, or put a delete marker before the versions, as the bucket's versioning says."""
    from moto.s3.exceptions import AccessDeniedByLock, MethodNotAllowed
    from moto.s3.models import FakeKey, FakeTableStorageBucket
    from moto.s3.notifications import S3NotificationEvent as Event

    bucket = self.get_bucket(bucket_name)
    if isinstance(bucket, FakeTableStorageBucket):
        raise MethodNotAllowed()
    if bucket.versioning_status and not version_id:
        marker = _put_marker(bucket, key_name)
        _notify(self, Event.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT, bucket, marker)
        return True, {"version-id": marker.version_id, "delete-marker": "true"}
    named = {"version-id": version_id} if version_id else {}
    version = str(version_id or "null")
    removed = [each for each in bucket.keys.getlist(key_name) or () if str(each.version_id) == version]
    if not removed:
        return False, named
    record = removed[0]
    is_object = isinstance(record, FakeKey)
    if is_object and record.is_locked(governance_bypass=str(bypass).lower() == "true"):
        raise AccessDeniedByLock
    rest = _other_versions(bucket, key_name, version)
    if rest:
        bucket.keys.setlist(key_name, rest)
    else:
        bucket.keys.pop(key_name)
    _notify(self, Event.OBJECT_REMOVED_DELETE_EVENT, bucket, record)
    return True, named if is_object else {**named, "delete-marker": "true"}


def _put_marker(bucket: Any, key_name: str) -> Any:
    """Put a delete marker; where versioning is suspended it replaces the version without an id."""
    from moto.s3.models import FakeDeleteMarker

    deleted: Any = Deleted(key_name)  # moto's marker reads only the name of its object
    marker = FakeDeleteMarker(key=deleted)
    versions = list(bucket.keys.getlist(key_name) or ())
    if bucket.versioning_status == "Suspended":
        marker._version_id = "null"
        versions = _other_versions(bucket, key_name, "null")
    bucket.keys.setlist(key_name, [*versions, marker])
    return marker


def _other_versions(bucket: Any, key_name: str, version: str) -> list[Any]:
    return [each for each in bucket.keys.getlist(key_name) or () if str(each.version_id) != version]


def _notify(backend: Any, event: Any, bucket: Any, record: Any) -> None:
    from moto.s3 import notifications

    notifications.send_event(backend.account_id, event, bucket, record)
