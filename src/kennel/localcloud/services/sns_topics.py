"""SNS: a topic's attributes, of which moto keeps all that it is given and shows some.

Source: SNS API reference, GetTopicAttributes, SetTopicAttributes, CreateTopic.
"""

from __future__ import annotations

from typing import Any

from moto.core.utils import camelcase_to_underscores

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.sns_confirmation import is_pending

FIFO = ("FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope")
STATUS_LOGS = tuple(
    f"{protocol}{kind}"
    for protocol in ("Application", "Firehose", "HTTP", "Lambda", "SQS")
    for kind in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
)
SETTABLE = (
    "DeliveryPolicy",
    "DisplayName",
    "KmsMasterKeyId",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
    *FIFO,
    *STATUS_LOGS,
)
ARCHIVE = refusal("sns", "archives of topics (`ArchivePolicy`)", "subscribe a queue, and keep its messages")


@operation("sns", "CreateTopic")
def create_topic(call: Call) -> Response:
    """Make a topic, if it knows its attributes."""
    for name in call.parameters.get("Attributes") or {}:
        _check(name)
    return call.ask_moto()


@operation("sns", "SetTopicAttributes")
def set_topic_attributes(call: Call) -> Response:
    """Set an attribute that topics have; moto would set any."""
    _check(call.parameters["AttributeName"])
    return call.ask_moto()


@operation("sns", "GetTopicAttributes")
def get_topic_attributes(call: Call) -> dict[str, Any]:
    """Return what was set, and how many subscriptions there are."""
    backend, arn = call.backend(), call.parameters["TopicArn"]
    topic = backend.get_topic(arn)
    pending = [is_pending(each) for each in list(backend.subscriptions.values()) if each.topic is topic]
    attributes = {
        "TopicArn": arn,
        "Owner": call.account,
        "DisplayName": topic.display_name,
        "EffectiveDeliveryPolicy": topic.effective_delivery_policy,
        "SubscriptionsPending": str(sum(pending)),
        "SubscriptionsConfirmed": str(len(pending) - sum(pending)),
        "SubscriptionsDeleted": "0",
    }
    for name in SETTABLE:
        value = getattr(topic, camelcase_to_underscores(name), None)
        if value:
            attributes.setdefault(name, str(value).lower() if isinstance(value, bool) else str(value))
    return {"Attributes": attributes}


def _check(name: str) -> None:
    if name in ("ArchivePolicy", "BeginningArchiveTime"):
        raise ARCHIVE.error()
    if name not in SETTABLE:
        raise AwsError("InvalidParameter", f"Invalid parameter: AttributeName {name}")
