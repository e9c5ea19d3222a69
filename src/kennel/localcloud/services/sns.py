"""SNS: who can be subscribed. Mail is not sent, so an address that mail goes to is never confirmed.

An HTTP address is confirmed by the token that is sent to it, see `sns_confirmation`.
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refusal, refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.sns_confirmation import AUTHENTICATED, PENDING, ask_to_confirm, is_pending
from kennel.localcloud.services.sns_http import PROTOCOLS

MAIL = ("email", "email-json")
DELIVERED = (*PROTOCOLS, "lambda", "sqs")
OTHERS = ("application", "firehose", "sms")
REMEDY = "subscribe a queue, a function or an HTTP address, and publish to the topic"
DEVICES = refusal(
    "sns", "text messages, pushes to devices and deliveries to Firehose", REMEDY, "NotImplemented", 501
)
refuse(
    "sns",
    "no text message is sent from here",
    *("CheckIfPhoneNumberIsOptedOut", "ListPhoneNumbersOptedOut", "OptInPhoneNumber"),
)


@operation("sns", "Subscribe")
def subscribe(call: Call) -> Response | dict[str, Any]:
    """Subscribe an endpoint; an address waits, as on AWS, until somebody follows the link that is sent to it.

    Raises
    ------
    AwsError
        Nothing is delivered by the protocol, or it does not fit the endpoint.
    """
    protocol, endpoint = call.parameters["Protocol"], call.parameters.get("Endpoint") or ""
    if protocol in OTHERS:
        raise DEVICES.error(f"delivery of topics by {protocol}")
    if protocol not in (*MAIL, *DELIVERED):
        message = f"Invalid parameter: Does not support this protocol string: {protocol}"
        raise AwsError("InvalidParameter", message)
    if protocol in MAIL and "@" not in endpoint.strip("@"):
        raise AwsError("InvalidParameter", "Invalid parameter: Email address")
    if protocol in PROTOCOLS and not endpoint.lower().startswith(f"{protocol}://"):
        raise AwsError("InvalidParameter", "Invalid parameter: Endpoint must match the specified protocol")
    before = _subscription(call)
    response = call.ask_moto()
    subscription = _subscription(call)
    if not response.ok or subscription is None or protocol not in (*MAIL, *PROTOCOLS):
        return response
    if before is not None and not is_pending(before):
        return response
    if protocol in MAIL:
        subscription.attributes |= {PENDING: True, AUTHENTICATED: False}
    else:
        ask_to_confirm(call.cloud, subscription)
    shown = call.parameters.get("ReturnSubscriptionArn")
    return {"SubscriptionArn": subscription.arn if shown else "pending confirmation"}


def _subscription(call: Call) -> Any:
    """Return moto's record of the subscription that a request asks for, or None."""
    names = ("TopicArn", "Protocol", "Endpoint")
    asked = tuple(call.parameters.get(name) for name in names)
    for each in list(call.backend().subscriptions.values()):
        if (each.topic_arn, each.protocol, each.endpoint) == asked:
            return each
    return None


@operation("sns", "Unsubscribe")
def unsubscribe(call: Call) -> Response:
    """End a subscription; one that was not confirmed ends with its topic only."""
    subscription = call.backend().subscriptions.get(call.parameters["SubscriptionArn"])
    if subscription is not None and is_pending(subscription):
        message = "Invalid parameter: Cannot unsubscribe a subscription that is pending confirmation"
        raise AwsError("InvalidParameter", message)
    return call.ask_moto()


@operation("sns", "ListSubscriptions", "ListSubscriptionsByTopic")
def list_subscriptions(call: Call) -> dict[str, Any]:
    """List subscriptions; those that are not confirmed have no ARN yet."""
    backend, token, topic = call.backend(), call.parameters.get("NextToken"), call.parameters.get("TopicArn")
    page, following = (
        backend.list_subscriptions_by_topic(topic, next_token=token)
        if topic
        else backend.list_subscriptions(next_token=token)
    )
    listed = [
        {
            "SubscriptionArn": PENDING if is_pending(each) else each.arn,
            "Owner": each.owner,
            "Protocol": each.protocol,
            "Endpoint": each.endpoint,
            "TopicArn": each.topic_arn,
        }
        for each in page
    ]
    return {"Subscriptions": listed, **({"NextToken": str(following)} if following else {})}


@operation("sns", "Publish")
def publish(call: Call) -> Response:
    """Publish to a topic; nothing else receives messages here."""
    target = call.parameters.get("TargetArn") or ""
    if call.parameters.get("PhoneNumber") or ":endpoint/" in target:
        raise DEVICES.error("text messages and pushes to devices")
    return call.ask_moto()
