"""SNS: moto leaves the subject out of what it signs, and its links end no subscription."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from kennel.localcloud.moto_adapter.patching import replace

# What is signed of a message, in this order: SNS developer guide, "Verifying the signatures of messages".
SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def apply() -> None:
    """Sign messages as SNS does, and let each name its own subscription."""
    from moto.sns.models import Subscription

    def get_post_data(self: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
        message: dict[str, Any] = original(self, *arguments, **named)
        host = f"sns.{self.topic.sns_backend.region_name}.amazonaws.com"
        query = f"Action=Unsubscribe&SubscriptionArn={quote(self.arn, safe=':')}"
        return {
            **message,
            "Signature": _signature(self, message),
            "UnsubscribeURL": f"https://{host}/?{query}",
        }

    original = replace(Subscription, "get_post_data", get_post_data)


def confirmation_message(subscription: Any, message_id: str, token: str, url: str) -> dict[str, Any]:
    """Return the message that asks an address to confirm its subscription.

    Parameters
    ----------
    token, url
        What confirms it, and the link that does it.
    """
    text = (
        f"You have chosen to subscribe to the topic {subscription.topic.arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    message = subscription.get_post_data(text, message_id, None)
    del message["UnsubscribeURL"]
    message |= {"Type": "SubscriptionConfirmation", "Token": token, "SubscribeURL": url}
    return {**message, "Signature": _signature(subscription, message)}


def _signature(subscription: Any, message: dict[str, Any]) -> str:
    text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED if name in message)
    signature = subscription.private_key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signature).decode()
