"""SQS: moto loses a queue's policy and redrive allow policy, and writes attributes in a form of its own.

It also lets any queue redrive to any other, and messages that are older than a queue's retention block it.
"""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.moto_adapter.patching import replace

REDRIVE_ALLOW = "RedriveAllowPolicy"
ALLOW_ALL, DENY_ALL, BY_QUEUE = "allowAll", "denyAll", "byQueue"
MOST_SOURCES = 10
TIMES = ("CreatedTimestamp", "LastModifiedTimestamp")


def apply() -> None:
    """Keep the policies, and spell attributes as AWS does.

    With spaces in JSON, Terraform sees a change at every plan; without the redrive allow policy it waits for
    ever. Times are whole seconds.
    """
    from moto.sqs.models import Queue

    _patch_redrive()
    _patch_times()
    names = ("RedrivePolicy", REDRIVE_ALLOW)
    Queue.BASE_ATTRIBUTES = [*Queue.BASE_ATTRIBUTES, REDRIVE_ALLOW]
    replace(Queue, "redrive_allow_policy", None)  # of a queue without

    def attributes(self: Any) -> dict[str, Any]:
        values: dict[str, Any] = original.fget(self)
        values |= {name: int(values[name]) for name in TIMES}
        if self.kms_master_key_id:  # its own key takes the place of SQS's
            values["SqsManagedSseEnabled"] = "false"
        values[REDRIVE_ALLOW] = values[REDRIVE_ALLOW] or None  # an empty text removes it
        for name in names:
            if values.get(name):
                values[name] = json.dumps(json.loads(values[name]), separators=(",", ":"))
        return values

    def set_attributes(self: Any, changed: dict[str, Any], now: float | None = None) -> None:
        if changed.get(REDRIVE_ALLOW):
            _check_allow(changed[REDRIVE_ALLOW])
        kept = getattr(self, "policy", None)
        set_original(self, changed, now)
        if "Policy" not in changed:  # moto takes it for removed
            self.policy = kept

    original = replace(Queue, "attributes", property(attributes))
    set_original = replace(Queue, "_set_attributes", set_attributes)


def _patch_redrive() -> None:
    """Refuse a dead-letter queue whose redrive allow policy does not let the source queue in.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    """
    from moto.sqs.models import Queue, sqs_backends

    def set_up(self: Any, policy: Any) -> None:
        try:
            target = (json.loads(policy) if isinstance(policy, str) else policy)["deadLetterTargetArn"]
        except (ValueError, LookupError, TypeError):  # the original says what is wrong
            target = ""
        queues: list[Any] = list(sqs_backends[self.account_id][self.region].queues.values())
        allowed = next((queue.redrive_allow_policy for queue in queues if queue.queue_arn == target), None)
        if allowed and not _allows(json.loads(allowed), self.queue_arn):
            reason = f"The queue {target} does not allow {self.queue_arn} to use it as a dead-letter queue."
            raise _invalid("RedrivePolicy", policy, reason)
        original(self, policy)

    original = replace(Queue, "_setup_dlq", set_up)


def _allows(policy: dict[str, Any], source: str) -> bool:
    permission = policy.get("redrivePermission", ALLOW_ALL)
    return bool(
        permission == ALLOW_ALL or (permission == BY_QUEUE and source in policy.get("sourceQueueArns", []))
    )


def _check_allow(text: str) -> None:
    """Refuse a redrive allow policy that SQS refuses."""
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict) or policy.get("redrivePermission") not in (ALLOW_ALL, DENY_ALL, BY_QUEUE):
        raise _invalid(REDRIVE_ALLOW, text, "redrivePermission must be allowAll, denyAll or byQueue.")
    sources = policy.get("sourceQueueArns") or []
    by_queue = policy["redrivePermission"] == BY_QUEUE
    if bool(sources) != by_queue or (by_queue and len(sources) > MOST_SOURCES):
        reason = f"sourceQueueArns names 1 to {MOST_SOURCES} queues with byQueue, and none otherwise."
        raise _invalid(REDRIVE_ALLOW, text, reason)


def _invalid(name: str, value: Any, reason: str) -> Exception:
    from moto.sqs.exceptions import InvalidParameterValue

    return InvalidParameterValue(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def _patch_times() -> None:
    """Let a message be visible when its timeout ends, and drop those older than the retention."""
    from moto.sqs import models

    def visible(self: Any) -> bool:
        return bool(models.unix_time_millis() >= self.visible_at)

    def receive_message(self: Any, queue_name: str, *rest: Any, **named: Any) -> Any:
        queue = self.get_queue(queue_name)
        oldest = models.unix_time_millis() - queue.message_retention_period * 1000
        expired = [message for message in list(queue._messages) if message.sent_timestamp <= oldest]
        for message in expired:
            queue._messages.remove(message)
            queue.pending_messages.discard(message)
        return original(self, queue_name, *rest, **named)

    replace(models.Message, "visible", property(visible))
    original = replace(models.SQSBackend, "receive_message", receive_message)
    replace(models.SQSBackend, "is_message_valid_based_on_retention_period", lambda *_: True)
