"""What S3 sends to EventBridge of the events of a bucket.

Source: S3 user guide, "EventBridge event message structure".
"""

from __future__ import annotations

from typing import Any

# By the name of a notification: the type of the event, the reason, and of a deletion its type.
TYPES: dict[str, tuple[str, dict[str, str]]] = {
    "ObjectCreated:Put": ("Object Created", {"reason": "PutObject"}),
    "ObjectCreated:Post": ("Object Created", {"reason": "POST Object"}),
    "ObjectCreated:Copy": ("Object Created", {"reason": "CopyObject"}),
    "ObjectCreated:CompleteMultipartUpload": ("Object Created", {"reason": "CompleteMultipartUpload"}),
    "ObjectRemoved:Delete": (
        "Object Deleted",
        {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"},
    ),
    "ObjectRemoved:DeleteMarkerCreated": (
        "Object Deleted",
        {"reason": "DeleteObject", "deletion-type": "Delete Marker Created"},
    ),
    "LifecycleExpiration:Delete": (
        "Object Deleted",
        {"reason": "Lifecycle Expiration", "deletion-type": "Permanently Deleted"},
    ),
    "LifecycleExpiration:DeleteMarkerCreated": (
        "Object Deleted",
        {"reason": "Lifecycle Expiration", "deletion-type": "Delete Marker Created"},
    ),
    "ObjectTagging:Put": ("Object Tags Added", {}),
    "ObjectTagging:Delete": ("Object Tags Deleted", {}),
    "ObjectAcl:Put": ("Object ACL Updated", {}),
}
# The members of an object in a notification, and what EventBridge calls them.
MEMBERS = {"size": "size", "eTag": "etag", "versionId": "version-id", "sequencer": "sequencer"}


def event_of(record: dict[str, Any], key: str, requester: str) -> tuple[str, dict[str, Any]] | None:
    """Return the type and the detail of an event; None for an event that EventBridge does not get.

    Parameters
    ----------
    record
        That of a notification.
    key
        The object's, as it is: a notification has it encoded.
    requester
        The account.
    """
    if record["eventName"] not in TYPES:
        return None
    kind, reason = TYPES[record["eventName"]]
    shown = record["s3"]["object"]
    detail = {
        "version": "0",
        "bucket": {"name": record["s3"]["bucket"]["name"]},
        "object": {
            "key": key,
            **{name: shown[member] for member, name in MEMBERS.items() if member in shown},
        },
        "request-id": record["responseElements"]["x-amz-request-id"],
        "requester": requester,
        "source-ip-address": record["requestParameters"]["sourceIPAddress"],
        **reason,
    }
    return kind, detail
