"""Scheduled actions of groups: put, described, deleted, and run by the cloud's clock.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.capacity.scaling.schedules import ScheduleError, parse
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.patches.auto_scaling import is_suspended
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.metrics.store import MINUTE
from kennel.localcloud.services.auto_scaling.activities import SERVICE, find_group, groups_of, settle

SIZES = ("MinSize", "MaxSize", "DesiredCapacity")


@dataclass
class Action:
    """A scheduled action.

    Attributes
    ----------
    arn, parameters
        Its ARN, and what it was put with.
    when
        When it runs next, in seconds since the epoch; None for never again.
    """

    arn: str
    parameters: dict[str, Any]
    when: float | None = None


@dataclass
class Actions(KeptStore):
    """The scheduled actions of a region's groups, by the group's ARN and the action's name."""

    by_group: dict[str, dict[str, Action]] = field(default_factory=dict)


def _of(cloud: Cloud, group: Any) -> dict[str, Action]:
    return cloud.store(Actions).by_group.setdefault(group.arn, {})


@operation(SERVICE, "PutScheduledUpdateGroupAction")
def put_action(call: Call) -> dict[str, Any]:
    """Make a scheduled action, or replace it."""
    _put(call, call.parameters["AutoScalingGroupName"], call.parameters)
    return {}


@operation(SERVICE, "BatchPutScheduledUpdateGroupAction")
def put_actions(call: Call) -> dict[str, Any]:
    """Make scheduled actions; those that cannot be are named in the answer."""
    failed = []
    for action in call.parameters["ScheduledUpdateGroupActions"]:
        try:
            _put(call, call.parameters["AutoScalingGroupName"], action)
        except AwsError as error:
            failed.append(_failure(action["ScheduledActionName"], error))
    return {"FailedScheduledUpdateGroupActions": failed}


def _failure(name: str, error: AwsError) -> dict[str, str]:
    return {"ScheduledActionName": name, "ErrorCode": str(error.code), "ErrorMessage": str(error.message)}


def _put(call: Call, group_name: str, given: dict[str, Any]) -> None:
    group, name, now = (
        find_group(call.cloud, group_name),
        given["ScheduledActionName"],
        call.cloud.clock.time(),
    )
    begin, end = _seconds(given.get("StartTime") or given.get("Time")), _seconds(given.get("EndTime"))
    if begin is None and not given.get("Recurrence"):
        raise AwsError("ValidationError", "At least one of recurrence and start time must be specified")
    if begin is not None and begin <= now:
        raise AwsError("ValidationError", "Given start time is in the past")
    if begin is not None and end is not None and end <= begin:
        raise AwsError("ValidationError", "End time must be later than start time")
    if all(given.get(size) is None for size in SIZES):
        raise AwsError(
            "ValidationError", "At least one of min size, max size and desired capacity must be specified"
        )
    actions = _of(call.cloud, group)
    path = f"autoScalingGroupName/{group.name}:scheduledActionName/{name}"
    arn = (
        actions[name].arn
        if name in actions
        else call.arn(f"scheduledUpdateGroupAction:{uuid.uuid4()}:{path}")
    )
    kept = {key: value for key, value in given.items() if key not in ("AutoScalingGroupName", "Time")}
    action = Action(arn, kept | ({"StartTime": given["Time"]} if given.get("Time") else {}))
    action.when = _next(action, now)
    actions[name] = action


def _seconds(date: Any) -> float | None:
    return None if date is None else float(date.timestamp())


def _next(action: Action, after: float) -> float | None:
    """Return when an action runs next, or None.

    Raises
    ------
    AwsError
        ``ValidationError``: its recurrence or time zone is not valid.
    """
    given = action.parameters
    begin, end = _seconds(given.get("StartTime")), _seconds(given.get("EndTime"))
    if not given.get("Recurrence"):
        return begin if begin is not None and begin > after else None
    try:
        schedules = [parse(text, given.get("TimeZone")) for text in expressions(given["Recurrence"])]
    except ScheduleError as error:
        raise AwsError("ValidationError", f"Given recurrence string is invalid: {error}") from error
    times = [schedule.next_after(after, after, begin, end) for schedule in schedules]
    return min((time for time in times if time is not None), default=None)


def expressions(recurrence: str) -> list[str]:
    """Return a recurrence, cron in five fields as on Unix, as expressions of AWS's cron.

    With both a day of the month and a day of the week either of them counts, which AWS's cron cannot say in
    a single expression.

    Raises
    ------
    ScheduleError
        It does not have five fields.
    """
    fields = recurrence.split()
    if len(fields) != 5:
        raise ScheduleError(recurrence)
    minute, hour, day, month, weekday = fields
    by_weekday = f"cron({minute} {hour} ? {month} {_of_aws(weekday)} *)"
    by_day = f"cron({minute} {hour} {day} {month} ? *)"
    if weekday == "*":
        return [by_day]
    return [by_weekday] if day == "*" else [by_day, by_weekday]


def _of_aws(weekday: str) -> str:
    """Return days of the week that count from 0 or 7, Sunday, as those that count from 1."""
    parts = [re.sub(r"^0-7", "0-6", part) for part in weekday.split(",")]
    return ",".join(re.sub(r"(?<![/\w])\d+", lambda day: str(int(day[0]) % 7 + 1), part) for part in parts)


@operation(SERVICE, "DescribeScheduledActions")
def describe_actions(call: Call) -> dict[str, Any]:
    """Describe scheduled actions; the start time is that of the next run."""
    given = call.parameters
    chosen, names = given.get("AutoScalingGroupName"), given.get("ScheduledActionNames")
    shown = [
        _described(group, action)
        for group in groups_of(call.cloud)
        if not chosen or group.name == chosen
        for name, action in _of(call.cloud, group).items()
        if not names or name in names
    ]
    return {"ScheduledUpdateGroupActions": shown}


def _described(group: Any, action: Action) -> dict[str, Any]:
    own = {"AutoScalingGroupName": group.name, "ScheduledActionARN": action.arn}
    if action.when is not None:
        own |= {name: datetime.fromtimestamp(action.when, UTC) for name in ("StartTime", "Time")}
    return {**action.parameters, **own}


@operation(SERVICE, "DeleteScheduledAction")
def delete_action(call: Call) -> dict[str, Any]:
    """Delete a scheduled action."""
    _delete(call, call.parameters["ScheduledActionName"])
    return {}


@operation(SERVICE, "BatchDeleteScheduledAction")
def delete_actions(call: Call) -> dict[str, Any]:
    """Delete scheduled actions; those that are not there are named in the answer."""
    failed = []
    for name in call.parameters["ScheduledActionNames"]:
        try:
            _delete(call, name)
        except AwsError as error:
            failed.append(_failure(name, error))
    return {"FailedScheduledActions": failed}


def _delete(call: Call, name: str) -> None:
    actions = _of(call.cloud, find_group(call.cloud, call.parameters["AutoScalingGroupName"]))
    if actions.pop(name, None) is None:
        raise AwsError("ValidationError", "Scheduled action name not found")


def run_actions(cloud: Cloud) -> None:
    """Run what becomes due, to the minute, while the cloud runs; what was missed is not made up for."""
    now = cloud.clock.time()
    for actions in cloud.store(Actions).by_group.values():
        for action in actions.values():
            if action.when is not None and action.when <= now:
                action.when = _next(action, now)
    cloud.clock.every(MINUTE, lambda: _look(cloud))


def _look(cloud: Cloud) -> None:
    now = cloud.clock.time()
    for group in groups_of(cloud):
        actions = _of(cloud, group)
        for name, action in list(actions.items()):
            if action.when is not None and action.when <= now:
                with cloud.changes.call():
                    action.when = _next(action, now)
                    if action.when is None:
                        del actions[name]
                    if not is_suspended(group, "ScheduledActions"):
                        _run(cloud, group, name, action.parameters)
                    cloud.changes.note()


def _run(cloud: Cloud, group: Any, name: str, given: dict[str, Any]) -> None:
    least = group.min_size if given.get("MinSize") is None else given["MinSize"]
    most = group.max_size if given.get("MaxSize") is None else given["MaxSize"]
    if least > most:
        return
    wish = group.desired_capacity if given.get("DesiredCapacity") is None else given["DesiredCapacity"]
    group.min_size, group.max_size = least, most
    before, capacity = group.desired_capacity, max(least, min(most, wish))
    group.set_desired_capacity(capacity)
    cause = f"scheduled action {name} was executed, changing the desired capacity from {before} to {capacity}"
    settle(cloud, cause)
