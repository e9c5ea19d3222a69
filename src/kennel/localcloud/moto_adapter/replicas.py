"""Replicas of moto's S3 objects: the same version in another bucket, and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.s3.models import FakeDeleteMarker, FakeKey, s3_backends

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.moto_adapter.customer_keys import digest_with, new_objects_with
from kennel.localcloud.moto_adapter.object_encryption import Encryption
from kennel.localcloud.moto_adapter.patches.s3_versions import Deleted

STATUS = "replication_status"  # the attribute of an object's record
REPLICA = "REPLICA"


@dataclass(frozen=True)
class ReplicaSettings:
    """How a replica differs from its source; what is None is the source's.

    Attributes
    ----------
    with_tags
        Whether it gets the tags of the source.
    """

    storage_class: str | None
    encryption: Encryption
    with_tags: bool


def version_of(bucket: str, key: str, version: str | None) -> Any:
    """Return moto's record of a version, which may be a delete marker; None means the latest one."""
    record = _backend().buckets.get(bucket)
    versions = (record.keys.getlist(key) or []) if record else []
    return next((each for each in reversed(versions) if version in (None, str(each.version_id))), None)


def is_object(record: Any) -> bool:
    """Whether a version is an object, not a delete marker."""
    return isinstance(record, FakeKey)


def tags_of(record: Any) -> dict[str, str]:
    """Return an object's tags."""
    return dict(_backend().tagger.get_tag_dict_for_resource(record.arn))


def is_locked(record: Any) -> bool:
    """Whether an object has a retention or a legal hold."""
    return bool(record.lock_mode or record.lock_legal_status)


def mark(record: Any, status: str) -> None:
    """Set the status that answers show: ``COMPLETED``, ``FAILED`` or ``REPLICA``."""
    setattr(record, STATUS, status)


def status_of(record: Any) -> str:
    """Return the status of an object; empty if it takes no part in replication."""
    status: str = getattr(record, STATUS, "")
    return status


def replicate(source: Any, bucket: str, settings: ReplicaSettings) -> None:
    """Write the replica of an object, which notifies as any new object does."""
    backend = _backend()
    with new_objects_with(digest_with(source)):
        replica = backend.put_object(
            bucket,
            source.name,
            source._value_buffer.view,
            storage=settings.storage_class or source.storage_class,
            etag=source.etag.strip('"'),
            multipart=source.multipart,
            encryption=settings.encryption.algorithm,
            kms_key_id=settings.encryption.key_id,
            lock_mode=source.lock_mode,
            lock_legal_status=source.lock_legal_status,
            lock_until=source.lock_until,
            disable_notification=True,
        )
    replica._version_id = source.version_id
    replica.set_metadata(dict(source.metadata), replace=True)
    replica.website_redirect_location = source.website_redirect_location
    for name in ("checksum_algorithm", "checksum_value", "checksum_type", "checksum_parts"):
        setattr(replica, name, getattr(source, name))
    mark(replica, REPLICA)
    adapt(source, replica, with_tags=settings.with_tags)
    _notify_created(backend, bucket, replica)


def adapt(source: Any, replica: Any, *, with_tags: bool) -> None:
    """Give a replica the list, the lock and the tags of its source."""
    replica.set_acl(source.acl)
    for name in ("lock_mode", "lock_legal_status", "lock_until"):
        setattr(replica, name, getattr(source, name))
    if with_tags:
        tagger = _backend().tagger
        tagger.delete_all_tags_for_resource(replica.arn)
        tagger.copy_tags(source.arn, replica.arn)


def put_marker(source: Any, bucket: str) -> None:
    """Put the delete marker of another bucket before an object's versions."""
    deleted: Any = Deleted(source.name)
    marker = FakeDeleteMarker(key=deleted)
    marker._version_id = source.version_id
    mark(marker, REPLICA)
    keys = _backend().get_bucket(bucket).keys
    keys.setlist(source.name, [*(keys.getlist(source.name) or []), marker])


def _notify_created(backend: Any, bucket: str, replica: Any) -> None:
    from moto.s3 import notifications

    event = notifications.S3NotificationEvent.OBJECT_CREATED_PUT_EVENT
    notifications.send_event(ACCOUNT_ID, event, backend.get_bucket(bucket), replica)


def _backend() -> Any:
    return s3_backends[ACCOUNT_ID]["aws"]
