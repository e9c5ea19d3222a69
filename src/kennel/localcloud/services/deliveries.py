"""Deliveries of topics and buckets, as the policies of queues, topics and functions let SNS and S3."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter.deliveries import deliver_with
from kennel.localcloud.moto_adapter.s3_events import SUBJECT, notify_with
from kennel.localcloud.runtime.role_session import error_text
from kennel.localcloud.services import service_calls
from kennel.localcloud.services.events.attempts import Progress
from kennel.localcloud.services.events.delivery import event_of, route
from kennel.localcloud.services.s3_notifications import S3
from kennel.localcloud.services.sns_http import NOTIFICATION, SNS, Post

log = logging.getLogger(__name__)


def deliver_notifications(cloud: Cloud) -> None:
    """Deliver, each time with a check: owning a topic gives no way to all queues. Failures are logged."""

    def notify(target: str, bucket: str, event: dict[str, Any]) -> None:
        _attempt(bucket, target, partial(_notify, cloud, target, bucket, json.dumps(event)))

    def put_event(region: str, bucket: str, kind: str, detail: dict[str, Any]) -> None:
        there = cloud.in_region(region)
        route(there, "default", event_of(there, "aws.s3", kind, [bucket], detail))

    deliver_with(OfTopics(cloud))
    notify_with(notify, put_event)


@dataclass(frozen=True)
class OfTopics:
    """What topics deliver; see `kennel.localcloud.moto_adapter.deliveries.Deliveries`."""

    cloud: Cloud

    def may_send(self, queue: str, topic: str) -> bool:
        """Whether a topic may send to a queue."""
        return _attempt(topic, queue, partial(service_calls.check_queue, self.cloud, queue, SNS, topic))

    def invoke(self, function: str, topic: str, event: dict[str, Any]) -> bool:
        """Invoke a function with an event, asynchronously."""
        payload = json.dumps(event).encode()
        call = partial(service_calls.invoke_function, self.cloud, function, SNS, topic, payload)
        return _attempt(topic, function, call)

    def send(self, queue: str, topic: str, message: str) -> bool:
        """Send a message to a queue."""
        call = partial(service_calls.send_to_queue, self.cloud, queue, SNS, topic, message)
        return _attempt(topic, queue, call)

    def post(self, subscription: Any, message_id: str, body: str, *, raw: bool, dead_letters: str) -> None:
        """Send a message to a subscribed address, in the background."""
        topic = subscription.topic_arn
        there = self.cloud.in_region(topic.split(":")[3])
        Post(
            Progress(there.clock.time()),
            topic=topic,
            subscription=subscription.arn,
            address=subscription.endpoint,
            kind=NOTIFICATION,
            message_id=message_id,
            body=body,
            raw=raw,
            dead_letters=dead_letters,
        ).start(there)


def _notify(cloud: Cloud, target: str, bucket: str, event: str) -> None:
    """Send a bucket's event to a function, queue or topic."""
    service = target.split(":")[2]
    if service == "lambda":
        service_calls.invoke_function(cloud, target, S3, bucket, event.encode())
    elif service == "sns":
        service_calls.publish_to_topic(cloud, target, S3, bucket, event, SUBJECT)
    else:
        service_calls.send_to_queue(cloud, target, S3, bucket, event)


def _attempt(source: str, target: str, call: Callable[[], object]) -> bool:
    """Return whether a call succeeded; its error is logged."""
    try:
        call()
    except ServiceException as error:
        log.warning("%s could not notify %s: %s", source, target, error_text(error))
        return False
    return True
