"""The delivery of events to the targets of rules, in the background."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.runtime import cloudwatch_metrics
from kennel.localcloud.runtime.role_session import error_text, role_session
from kennel.localcloud.services import service_calls
from kennel.localcloud.services.events import attempts
from kennel.localcloud.services.events.attempts import Progress
from kennel.localcloud.services.events.input import payload_of
from kennel.localcloud.services.events.pending import Delivery

log = logging.getLogger(__name__)
EVENTS = "events.amazonaws.com"
NAMESPACE = "AWS/Events"

TARGETS = refusal(
    "events",
    "targets other than functions, queues, topics and event buses of this account",
    "let a function be the target, and do from there what is needed",
    "ValidationException",
)
ACTING = ("lambda", "sqs", "sns", "events")


def check_target(target: dict[str, Any]) -> None:
    """Refuse a target that would get nothing.

    Raises
    ------
    AwsError
        ``ValidationException``; the message names it.
    """
    attempts.check_policy(target)
    parts = target["Arn"].split(":")
    service = parts[2] if len(parts) > 5 else ""
    if service not in ACTING or (service == "events" and not parts[5].startswith("event-bus/")):
        raise TARGETS.error(f"delivery to {target['Arn']}")


def event_of(
    cloud: Cloud,
    source: str,
    kind: str,
    resources: list[str],
    detail: dict[str, Any],
    at: datetime | None = None,
) -> dict[str, Any]:
    """Return an event of this account and region.

    Parameters
    ----------
    kind
        Its ``detail-type``.
    at
        Its time; by default the cloud's.
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": source,
        "account": cloud.account,
        "time": (at or cloud.clock.now()).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": cloud.region,
        "resources": resources,
        "detail": detail,
    }


def route(cloud: Cloud, bus: str, event: dict[str, Any], *, from_bus: bool = False) -> None:
    """Deliver an event by the enabled rules of a bus whose patterns match it.

    Parameters
    ----------
    from_bus
        Whether another bus sent it: it then goes to no third one, as on AWS.
    """
    for rule in rules_of(cloud.account, cloud.region, bus):
        if (
            rule.state != "DISABLED"
            and not rule.scheduled_expression
            and rule.event_pattern.matches_event(event)
        ):
            cloudwatch_metrics.publish(cloud, NAMESPACE, {"RuleName": rule.name}, MatchedEvents=1)
            deliver(cloud, rule, event, from_bus=from_bus)


def rules_of(account: str, region: str, bus: str = "default") -> list[Any]:
    """Return moto's records of the rules of a bus."""
    from moto.events.models import events_backends

    buses = events_backends[account][region].event_buses
    return list(buses[bus].rules.values()) if bus in buses else []


def deliver(cloud: Cloud, rule: Any, event: dict[str, Any], *, from_bus: bool = False) -> None:
    """Send an event to all targets of a rule, each in the background.

    Parameters
    ----------
    rule
        moto's record of the rule.
    """
    dimensions = {"RuleName": rule.name}
    cloudwatch_metrics.publish(cloud, NAMESPACE, dimensions, TriggeredRules=1)
    for target in list(rule.targets):
        if from_bus and target["Arn"].split(":")[2] == "events":
            continue
        progress = Progress(cloud.clock.time())
        EventDelivery(progress, rule.arn, dimensions, target, event).start(cloud)


@dataclass
class EventDelivery(Delivery):
    """An event on its way to a target of a rule."""

    rule_arn: str
    dimensions: dict[str, str]
    target: dict[str, Any]
    event: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"the rule {self.rule_arn} to {self.target['Arn']}"

    def deliver(self, cloud: Cloud) -> None:
        """Send until it succeeds or is given up; that goes to the target's dead-letter queue."""
        rule_arn, dimensions, target = self.rule_arn, self.dimensions, self.target
        payload, arn = payload_of(target, self.event), target["Arn"]

        def send(attempt: int) -> None:
            if attempt > 1:
                cloudwatch_metrics.publish(cloud, NAMESPACE, dimensions, RetryInvocationAttempts=1)
            _send(cloud, rule_arn, target, self.event, payload)

        policy = target.get("RetryPolicy") or {}
        undelivered = attempts.deliver(cloud, self.name, policy, send, self.progress)
        if undelivered is None:
            cloudwatch_metrics.publish(cloud, NAMESPACE, dimensions, Invocations=1)
            return
        cloudwatch_metrics.publish(cloud, NAMESPACE, dimensions, FailedInvocations=1)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if queue:
            attributes = undelivered.attributes(
                RULE_ARN=rule_arn, TARGET_ARN=arn, ERROR_CODE=undelivered.event_bridge_code
            )
            sent = _send_dead_letter(cloud, rule_arn, queue, payload, attributes)
            name = "InvocationsSentToDlq" if sent else "InvocationsFailedToBeSentToDlq"
            cloudwatch_metrics.publish(cloud, NAMESPACE, dimensions, **{name: 1})


def _send_dead_letter(
    cloud: Cloud, rule_arn: str, queue: str, payload: str, attributes: dict[str, Any]
) -> bool:
    """Send what was given up to the target's queue; return whether its policy lets EventBridge."""
    try:
        with cloud.changes.call():
            service_calls.send_to_queue(cloud, queue, EVENTS, rule_arn, payload, attributes=attributes)
    except ServiceException as error:
        log.warning("the rule %s could not reach %s: %s", rule_arn, queue, error_text(error))
        return False
    return True


def _send(cloud: Cloud, rule_arn: str, target: dict[str, Any], event: dict[str, Any], payload: str) -> None:
    """Send a payload, with the target's role if it has one, else as the service itself."""
    arn, role = target["Arn"], target.get("RoleArn")
    service, group = arn.split(":")[2], (target.get("SqsParameters") or {}).get("MessageGroupId")
    if service == "events":
        route(cloud.in_region(arn.split(":")[3]), arn.split("/")[-1], event, from_bus=True)
    elif role:
        there = cloud.in_region(arn.split(":")[3])
        send_with_role(there, role_session(there, role, EVENTS, "EventBridge").client, arn, payload, group)
    elif service == "lambda":
        service_calls.invoke_function(cloud, arn, EVENTS, rule_arn, payload.encode())
    elif service == "sns":
        service_calls.publish_to_topic(cloud, arn, EVENTS, rule_arn, payload)
    else:
        service_calls.send_to_queue(cloud, arn, EVENTS, rule_arn, payload, group)


def send_with_role(
    cloud: Cloud,
    client: Callable[[str], Any],
    arn: str,
    payload: str,
    group: str | None = None,
    attributes: dict[str, Any] | None = None,
) -> None:
    """Send a payload to a function, queue or topic with the rights of a role.

    Parameters
    ----------
    client
        Makes clients of the role's session by the service's name.
    group
        The message group, for a FIFO queue.
    attributes
        The message's attributes, for a queue.
    """
    service = arn.split(":")[2]
    if service == "lambda":
        client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode())
    elif service == "sns":
        client("sns").publish(TopicArn=arn, Message=payload)
    else:
        url = f"{cloud.endpoint_url}/{cloud.account}/{arn.split(':')[-1]}"
        more = {"MessageGroupId": group} if group else {}
        sent = {"MessageBody": payload, "MessageAttributes": attributes or {}}
        client("sqs").send_message(QueueUrl=url, **sent, **more)
