"""What moto's topics deliver to queues, functions and addresses: as policies allow, in SNS's own messages."""

from __future__ import annotations

import json
from typing import Any, Protocol

from kennel.localcloud.moto_adapter.patching import replace

PENDING = "PendingConfirmation"
RENAMED = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}  # in a function's event


class Deliveries(Protocol):
    """What topics deliver through; each returns whether it could, and names the topic by its ARN."""

    def may_send(self, queue: str, topic: str) -> bool:
        """Whether a topic may send to a queue."""

    def invoke(self, function: str, topic: str, event: dict[str, Any]) -> bool:
        """Invoke a function with an event."""

    def send(self, queue: str, topic: str, message: str) -> bool:
        """Send a message to a queue."""

    def post(self, subscription: Any, message_id: str, body: str, *, raw: bool, dead_letters: str) -> None:
        """Send a message to a subscribed address, in the background."""


def deliver_with(deliveries: Deliveries) -> None:
    """Let topics deliver through these; subscriptions that nobody confirmed get nothing.

    moto itself checks no policy, invents most of a function's event, lets who publishes wait for addresses,
    and sends no dead letters.
    """
    from moto.sns.models import Subscription

    def publish(self: Any, message: str, message_id: str, subject: str | None = None, **more: Any) -> None:
        if self.protocol not in ("sqs", "lambda", "http", "https") or self.attributes.get(PENDING):
            return
        attributes, matcher = more.get("message_attributes"), self._filter_policy_matcher
        if matcher is not None and not matcher.matches(attributes, message):
            return
        topic, text = self.topic.arn, message
        if more.get("message_structure") == "json":
            text = self._parse_message_structure(message, self.protocol)
        queue = json.loads(self.attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
        if self.protocol in ("http", "https"):
            raw = str(self.attributes.get("RawMessageDelivery")).lower() == "true"
            content = self.get_post_data(text, message_id, subject, message_attributes=attributes)
            body = text if raw else json.dumps(content, indent=2)
            deliveries.post(self, message_id, body, raw=raw, dead_letters=queue or "")
            return
        if self.protocol == "lambda":
            content = self.get_post_data(text, message_id, subject, message_attributes=attributes)
            delivered = deliveries.invoke(self.endpoint, topic, _event(self, content))
        else:
            delivered = deliveries.may_send(self.endpoint, topic)
            if delivered:
                deliver(self, message, message_id, subject, **more)
        if queue and not delivered:
            content = self.get_post_data(text, message_id, subject, message_attributes=attributes)
            raw = self.attributes.get("RawMessageDelivery")
            deliveries.send(queue, topic, text if raw else json.dumps(content))

    deliver = replace(Subscription, "publish", publish)


def _event(subscription: Any, message: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a message for a function.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """
    content = {RENAMED.get(name, name): value for name, value in message.items()}
    record = {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "EventSource": "aws:sns",
        "Sns": {"Subject": None, "MessageAttributes": {}, **content},
    }
    return {"Records": [record]}
