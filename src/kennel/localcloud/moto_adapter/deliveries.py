"""What moto's topics and buckets deliver: only what the policies of queues and functions let them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kennel.localcloud import ACCOUNT_ID
from kennel.localcloud.moto_adapter.patching import replace

SNS_ACTIONS = {"sqs": "sqs:SendMessage", "lambda": "lambda:InvokeFunction"}
S3_TARGETS = {
    "_send_sqs_message": ("sqs:SendMessage", "arn:aws:sqs:{region}:{account}:{target}"),
    "_send_sns_message": ("sns:Publish", "{target}"),
    "_invoke_awslambda": ("lambda:InvokeFunction", "{target}"),
}
# Whether a service may do something with a resource for one of its own: service, action, resource, source.
Allowed = Callable[[str, str, str, str], bool]


def deliver_what_is_allowed(allowed: Allowed) -> None:
    """Let topics and buckets ask before they deliver; what is not allowed is dropped, as on AWS."""
    from moto.s3 import notifications
    from moto.sns.models import Subscription

    def publish(self: Any, *arguments: Any, **named: Any) -> None:
        action = SNS_ACTIONS.get(self.protocol)
        if action is None or allowed("sns.amazonaws.com", action, self.endpoint, self.topic.arn):
            deliver(self, *arguments, **named)

    deliver = replace(Subscription, "publish", publish)
    for name, (action, template) in S3_TARGETS.items():
        _check_notification(notifications, name, action, template, allowed)


def _check_notification(module: Any, name: str, action: str, template: str, allowed: Allowed) -> None:
    def send(account_id: str, event: Any, target: str, region: str) -> None:
        resource = template.format(region=region, account=ACCOUNT_ID, target=target)
        if allowed("s3.amazonaws.com", action, resource, _bucket_arn(event)):
            deliver(account_id, event, target, region)

    deliver = replace(module, name, send)


def _bucket_arn(event: Any) -> str:
    """Return the bucket of an event of S3, or of the test event that it sends at first."""
    records = event.get("Records")
    name = records[0]["s3"]["bucket"]["name"] if records else event.get("Bucket", "")
    return f"arn:aws:s3:::{name}"
