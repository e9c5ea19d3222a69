"""S3's event records, from moto's buckets.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import base64
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from kennel.localcloud.moto_adapter import s3_bridge
from kennel.localcloud.moto_adapter.patching import replace

# Events with members that version 2.1 lacks; the version is that of S3's lifecycle, ACL and tagging events.
LATER_EVENTS = (
    "IntelligentTiering",
    "LifecycleExpiration",
    "LifecycleTransition",
    "ObjectAcl",
    "ObjectRestore:Delete",
    "ObjectTagging",
)
KINDS = ("cloud_function", "queue", "topic")  # moto's lists of a bucket's notifications
SUBJECT = "Amazon S3 Notification"
LIFECYCLE = "Lifecycle"  # in the stead of an operation, what lifecycle rules do
# From the ARN of a function, queue or topic, the bucket's ARN, and the event.
Notify = Callable[[str, str, dict[str, Any]], None]
# From the bucket's region and ARN, the type of an event for EventBridge, and its detail.
PutEvent = Callable[[str, str, str, dict[str, Any]], None]


REQUEST_ID = re.compile(rb"<RequestI[dD]>[^<]*</RequestI[dD]>")


@dataclass(frozen=True)
class ObjectChange:
    """A version that a request has written; `event` is what notifications call it, without ``s3:``."""

    bucket: str
    key: str
    version: str
    event: str


@dataclass(frozen=True)
class S3Request:
    """The request to S3 that is being answered, as its events name it.

    Attributes
    ----------
    operation
        botocore's name, e.g. ``PutObject``.
    principal_id
        Who sent it, e.g. ``AWS:AIDA…``.
    posted
        Whether a browser's form was posted.
    request_id, host_id
        What its response has in ``x-amz-request-id`` and ``x-amz-id-2``.
    changes
        What it has written, the first of each version; filled while it is answered.
    """

    operation: str
    principal_id: str
    source_ip: str
    posted: bool = False
    request_id: str = field(default_factory=lambda: secrets.token_hex(8).upper())
    host_id: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(56)).decode())

    changes: dict[tuple[str, str, str], ObjectChange] = field(default_factory=dict)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Let the events of this thread's calls name this request."""
        token = _request.set(self)
        try:
            yield
        finally:
            _request.reset(token)

    def name_in(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return a response's headers with the ids of the request, as S3 spells them."""
        kept = [each for each in headers if each[0].lower() != "x-amzn-requestid"]
        return [*kept, ("x-amz-request-id", self.request_id), ("x-amz-id-2", self.host_id)]

    def identified(self, body: bytes) -> bytes:
        """Return an error of moto's with the request's id instead of moto's own."""
        return REQUEST_ID.sub(f"<RequestId>{self.request_id}</RequestId>".encode(), body)


_request: ContextVar[S3Request] = ContextVar("s3_request")
OF_A_SERVICE = "amazonaws.com"  # who writes what moto's other services put into buckets


def _current() -> S3Request:
    return _request.get(None) or S3Request("PutObject", OF_A_SERVICE, OF_A_SERVICE)


class Sequence:
    """Numbers that rise with every event, also over restarts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> str:
        """Return the next one, in hexadecimal."""
        with self._lock:
            self._last = max(time.time_ns(), self._last + 1)
            return f"{self._last:018X}"


_sequence = Sequence()


def notify_with(notify: Notify, put_event: PutEvent) -> None:
    """Let buckets notify through this; moto itself drops what it cannot deliver."""
    from moto.s3 import notifications

    def send_event(account_id: str, event_name: str, bucket: Any, key: Any) -> None:
        _note_change(str.__str__(event_name).removeprefix("s3:"), bucket.name, key)
        configuration = bucket.notification_configuration
        if configuration is None:
            return
        name = _event_of_request(str.__str__(event_name))  # moto's are an enumeration of texts
        if name is None:
            return
        record = _record(name.removeprefix("s3:"), bucket, key)
        for kind in KINDS:
            for each in getattr(configuration, kind):
                if each.matches(name, key.name):
                    content = {"s3SchemaVersion": "1.0", "configurationId": each.id, **record["s3"]}
                    notify(each.arn, bucket.arn, {"Records": [{**record, "s3": content}]})
        event = s3_bridge.event_of(record, key.name, account_id)
        if configuration.event_bridge is not None and event:
            put_event(bucket.region_name, bucket.arn, *event)

    def send_test_event(account_id: str, bucket: Any) -> None:
        request, configuration = _current(), bucket.notification_configuration
        event = {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": notifications.iso_8601_datetime_with_milliseconds(),
            "Bucket": bucket.name,
            "RequestId": request.request_id,
            "HostId": request.host_id,
        }
        for arn in {each.arn for kind in ("queue", "topic") for each in getattr(configuration, kind)}:
            notify(arn, bucket.arn, event)

    replace(notifications, "send_event", send_event)
    replace(notifications, "send_test_event", send_test_event)


def _note_change(event: str, bucket: str, key: Any) -> None:
    request = _request.get(None)
    if request is not None and event != "ObjectRemoved:Delete":
        change = ObjectChange(bucket, key.name, str(key.version_id), event)
        request.changes.setdefault((change.bucket, change.key, change.version), change)


def _event_of_request(name: str) -> str | None:
    """Return the name of an event of moto's that S3 gives it; None if it has no such event."""
    request = _current()
    if name == "s3:ObjectTagging:Put" and request.operation != "PutObjectTagging":
        return None  # every object that moto writes gets its tags by themselves, if only none
    if request.operation == LIFECYCLE:
        return name.replace("ObjectRemoved", "LifecycleExpiration")
    return "s3:ObjectCreated:Post" if name == "s3:ObjectCreated:Put" and request.posted else name


def _record(event: str, bucket: Any, key: Any) -> dict[str, Any]:
    """Return an event's record, which lacks only what differs between notifications."""
    from moto.s3 import models, notifications

    request = _current()
    return {
        "eventVersion": "2.3" if event.startswith(LATER_EVENTS) else "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region_name,
        "eventTime": notifications.iso_8601_datetime_with_milliseconds(),
        "eventName": event,
        "userIdentity": {"principalId": request.principal_id},
        "requestParameters": {"sourceIPAddress": request.source_ip},
        "responseElements": {"x-amz-request-id": request.request_id, "x-amz-id-2": request.host_id},
        "s3": {
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": models.OWNER},
                "arn": bucket.arn,
            },
            "object": _object(event, bucket, key),
        },
    }


def _object(event: str, bucket: Any, key: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"key": quote_plus(key.name, safe="/")}
    if not event.startswith(("ObjectRemoved", "LifecycleExpiration")):
        described |= {"size": key.size, "eTag": key.etag.strip('"')}
    if bucket.is_versioned:
        described["versionId"] = key.version_id
    if event.startswith(("ObjectCreated", "ObjectRemoved")):
        described["sequencer"] = _sequence.next()
    return described
