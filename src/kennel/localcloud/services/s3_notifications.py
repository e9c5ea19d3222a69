"""S3's notifications: a bucket's are checked when they are set, as S3 checks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.s3_events import KINDS
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services import service_calls

S3 = "s3.amazonaws.com"
# From a destination's ARN, a service and its resource; raises an error unless the service may call it.
Check = Callable[[Cloud, str, str, str], Any]
# The members of a configuration and of its notifications, the destination's service, and its check.
DESTINATIONS: tuple[tuple[str, str, str, Check], ...] = (
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda", service_calls.check_function),
    ("QueueConfigurations", "QueueArn", "sqs", service_calls.check_queue),
    ("TopicConfigurations", "TopicArn", "sns", service_calls.check_topic),
)


@operation("s3", "PutBucketNotificationConfiguration")
def put_notifications(call: Call) -> Response:
    """Set a bucket's notifications, whose destinations must let S3 call them.

    Raises
    ------
    AwsError
        ``InvalidArgument``: one is in another region, does not exist, or its policy does not allow S3.
    """
    settings = call.parameters["NotificationConfiguration"]
    bucket = call.backend().buckets.get(call.parameters["Bucket"])
    if bucket is not None:  # else moto says so
        for arn, service, check in _destinations(settings):
            _check_place(arn, service, bucket.region_name)  # moto keeps what it refuses for this
            if not call.parameters.get("SkipDestinationValidation"):
                _validate(call, arn, check, bucket.arn)
    return call.ask_moto()


@operation("s3", "GetBucketNotificationConfiguration")
def get_notifications(call: Call) -> Response | dict[str, Any]:
    """Return a bucket's notifications; moto forgets those to EventBridge."""
    record = call.backend().get_bucket(call.parameters["Bucket"]).notification_configuration
    if record is None or record.event_bridge is None:
        return call.ask_moto()
    shown: dict[str, Any] = {"EventBridgeConfiguration": {}}
    for (member, name, _, _), each in zip(DESTINATIONS, KINDS, strict=True):
        shown[member] = [_shown(item, name) for item in getattr(record, each)]
    return shown


def _shown(item: Any, name: str) -> dict[str, Any]:
    shown = {"Id": item.id, name: item.arn, "Events": item.events}
    rules = item.filters["S3Key"]["FilterRule"] if item.filters else []
    return {**shown, "Filter": {"Key": {"FilterRules": rules}}} if rules else shown


def _destinations(settings: dict[str, Any]) -> Iterator[tuple[str, str, Check]]:
    """Yield each destination: its ARN, its service, and what checks whether a service may call it."""
    for member, name, service, check in DESTINATIONS:
        for each in settings.get(member) or ():
            yield each[name], service, check


def _check_place(arn: str, service: str, region: str) -> None:
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] != service:
        raise AwsError("InvalidArgument", "The ARN could not be parsed", 400)
    if parts[3] != region:
        message = (
            "The notification destination service region is not valid for the bucket location constraint"
        )
        raise AwsError("InvalidArgument", message, 400)


def _validate(call: Call, arn: str, check: Check, bucket_arn: str) -> None:
    try:
        check(call.cloud, arn, S3, bucket_arn)
    except AwsError as error:
        message = "Unable to validate the following destination configurations"
        raise AwsError("InvalidArgument", f"{message}: {arn}: {error.message}", 400) from error
