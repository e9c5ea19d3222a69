"""The Scheduler: schedules call functions, queues, topics, buses and operations of AWS with their own roles.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore import xform_name
from botocore.exceptions import DataNotFoundError

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.coverage import describe, refusal
from kennel.localcloud.runtime.role_session import RoleSession, error_text, role_session
from kennel.localcloud.services.events import attempts
from kennel.localcloud.services.events.attempts import Progress
from kennel.localcloud.services.events.delivery import send_with_role
from kennel.localcloud.services.events.pending import Delivery

log = logging.getLogger(__name__)
SCHEDULER = "scheduler.amazonaws.com"
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:(?P<service>[\w-]+):(?P<operation>\w+)")
TARGETS = refusal(
    "scheduler",
    "targets other than functions, queues, topics, event buses and `aws-sdk` operations",
    "let a function be the target, and do from there what is needed",
    "ValidationException",
)
describe(
    "scheduler",
    "schedules run by the cloud's clock, once, by rate or cron, in time zones, with the target's role: "
    "functions, queues, topics, buses, `aws-sdk` operations; failures that may pass are retried by the "
    "target's policy, others go to the dead-letter queue at once",
)


class Occasion(NamedTuple):
    """One run of a schedule."""

    at: float
    last: bool


def schedules_of(account: str, region: str) -> list[Any]:
    """Return moto's records of the schedules of a region."""
    from moto.scheduler.models import scheduler_backends

    groups = scheduler_backends[account][region].schedule_groups.values()
    return [schedule for group in list(groups) for schedule in list(group.schedules.values())]


def check_target(target: dict[str, Any]) -> None:
    """Refuse a target that would get nothing.

    Raises
    ------
    AwsError
        ``ValidationException``; the message names it.
    """
    attempts.check_policy(target)
    arn = target["Arn"]
    if UNIVERSAL.fullmatch(arn) or re.match(r"arn:aws:(lambda|sqs|sns):", arn):
        return
    if not re.match(r"arn:aws:events:[^:]+:\d+:event-bus/", arn) or "EventBridgeParameters" not in target:
        raise TARGETS.error(f"delivery to {arn}")


def run_schedule(cloud: Cloud, schedule: Any, occasion: Occasion) -> None:
    """Call a schedule's target in the background; the last run of one that is to be deleted deletes it."""
    if occasion.last and schedule.action_after_completion == "DELETE":
        from moto.scheduler.models import scheduler_backends

        scheduler_backends[cloud.account][cloud.region].delete_schedule(schedule.group_name, schedule.name)
        cloud.changes.note()
    ScheduledCall(Progress(cloud.clock.time()), schedule, occasion, secrets.token_hex(8)).start(cloud)


@dataclass
class ScheduledCall(Delivery):
    """A call of a schedule's target.

    Attributes
    ----------
    schedule
        moto's record of the schedule.
    execution
        The id of this run.
    """

    schedule: Any
    occasion: Occasion
    execution: str

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"the schedule {self.schedule.arn} to {self.schedule.target['Arn']}"

    def deliver(self, cloud: Cloud) -> None:
        """Call until it succeeds or is given up; that goes to the target's dead-letter queue."""
        schedule, occasion, execution = self.schedule, self.occasion, self.execution
        target, arn = schedule.target, schedule.target["Arn"]

        def send(attempt: int) -> None:
            payload = _payload(schedule, occasion, execution, attempt)
            _call(cloud, _role(cloud, schedule), target, payload)

        policy = target.get("RetryPolicy") or {}
        undelivered = attempts.deliver(cloud, self.name, policy, send, self.progress)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if undelivered is None or not queue:
            return
        attributes = undelivered.attributes(
            ERROR_CODE=undelivered.code,
            EXECUTION_ID=execution,
            IS_PAYLOAD_TRUNCATED="false",
            SCHEDULED_TIME=_time(occasion),
            SCHEDULE_ARN=schedule.arn,
            TARGET_ARN=arn,
        )
        payload = _payload(schedule, occasion, execution, undelivered.retries + 1)
        try:
            with cloud.changes.call():
                client = _role(cloud, schedule).client
                send_with_role(cloud, client, queue, payload, attributes=attributes)
        except attempts.FAILURES as error:
            log.warning("the dead-letter queue of %s: %s", self.name, error_text(error))


def _role(cloud: Cloud, schedule: Any) -> RoleSession:
    return role_session(cloud, schedule.target["RoleArn"], SCHEDULER, schedule.name[:64])


def _time(occasion: Occasion) -> str:
    return datetime.fromtimestamp(occasion.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _payload(schedule: Any, occasion: Occasion, execution: str, attempt: int) -> str:
    """Return the input, with AWS's keywords replaced."""
    text = schedule.target.get("Input")
    if text is None:
        text = "{}"
    keywords = {
        "<aws.scheduler.schedule-arn>": schedule.arn,
        "<aws.scheduler.scheduled-time>": _time(occasion),
        "<aws.scheduler.execution-id>": execution,
        "<aws.scheduler.attempt-number>": str(attempt),
    }
    for keyword, value in keywords.items():
        text = text.replace(keyword, value)
    return str(text)


def _call(cloud: Cloud, role: RoleSession, target: dict[str, Any], payload: str) -> None:
    arn = target["Arn"]
    universal = UNIVERSAL.fullmatch(arn)
    if universal:
        call_operation(role, universal["service"], universal["operation"], json.loads(payload or "{}"))
    elif arn.split(":")[2] == "events":
        parameters = target["EventBridgeParameters"]
        entry = {"Detail": payload, "EventBusName": arn, **parameters}
        role.client("events").put_events(Entries=[entry])
    else:
        group = (target.get("SqsParameters") or {}).get("MessageGroupId")
        send_with_role(cloud, role.client, arn, payload, group)


def call_operation(role: RoleSession, service: str, name: str, parameters: dict[str, Any]) -> None:
    """Call an operation of AWS that a universal target names.

    Raises
    ------
    ValueError
        There is no such operation.
    """
    try:
        client = role.client(service)
    except DataNotFoundError as error:
        raise ValueError(f"there is no service {service}") from error
    method = getattr(client, xform_name(name[:1].upper() + name[1:]), None)
    if method is None:
        raise ValueError(f"{service} has no operation {name}")
    method(**parameters)
