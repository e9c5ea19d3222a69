"""Scheduled actions: put, described, deleted, and run by the cloud's clock."""

from __future__ import annotations

import uuid
from typing import Any

from kennel.capacity.scaling.schedules import ScheduleError, parse
from kennel.localcloud.clock import Timer
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.services.application_autoscaling import scaler
from kennel.localcloud.services.application_autoscaling.listing import matches, page
from kennel.localcloud.services.application_autoscaling.state import (
    SERVICE,
    Activity,
    Key,
    ScheduledAction,
    Target,
    Turns,
    find_target,
    key_of,
    not_found,
    scaling_of,
    timestamp,
    validation_error,
)


class Timers(TransientStore):
    """The timers of the next runs, by target and action."""

    def __init__(self) -> None:
        self.by_action: dict[tuple[Key, str], Timer] = {}


@operation(SERVICE, "PutScheduledAction")
def put_scheduled_action(call: Call) -> dict[str, Any]:
    """Make a scheduled action, or change what a request names of one."""
    parameters, target, now = call.parameters, find_target(call), call.cloud.clock.time()
    name, before = parameters["ScheduledActionName"], target.actions.get(parameters["ScheduledActionName"])
    bounds = parameters.get("ScalableTargetAction")
    schedule = parameters.get("Schedule") or (before.schedule if before else None)
    if schedule is None or (before is None and not bounds):
        raise validation_error("Schedule and ScalableTargetAction are required for a new scheduled action")
    timezone = parameters.get("Timezone") or (before.timezone if before else None)
    try:
        parse(schedule, timezone)
    except ScheduleError as error:
        raise validation_error(str(error)) from error
    if bounds is not None and bounds.get("MinCapacity") is None and bounds.get("MaxCapacity") is None:
        raise validation_error("ScalableTargetAction must have a MinCapacity, a MaxCapacity, or both")
    path = f"resource/{target.key[0]}/{target.key[1]}:scheduledActionName/{name}"
    action = ScheduledAction(
        arn=before.arn if before else call.arn(f"scheduledAction:{uuid.uuid4()}:{path}", "autoscaling"),
        name=name,
        created=before.created if before else now,
        schedule=schedule,
        timezone=timezone,
        start=_seconds(parameters.get("StartTime")),
        end=_seconds(parameters.get("EndTime")),
        minimum=bounds.get("MinCapacity") if bounds else before.minimum if before else None,
        maximum=bounds.get("MaxCapacity") if bounds else before.maximum if before else None,
        ran=now,
    )
    if action.start is not None and action.end is not None and action.end <= action.start:
        raise validation_error("EndTime must be later than StartTime")
    with scaling_of(call.cloud).lock:
        target.actions[name] = action
    _plan(call.cloud, target.key, action)
    return {}


def _seconds(date: Any) -> float | None:
    return None if date is None else float(date.timestamp())


@operation(SERVICE, "DescribeScheduledActions")
def describe_scheduled_actions(call: Call) -> dict[str, Any]:
    """Describe the scheduled actions of a service."""
    names = call.parameters.get("ScheduledActionNames")
    with scaling_of(call.cloud).lock:
        described = [
            _describe(target, action)
            for key, target in scaling_of(call.cloud).targets.items()
            if matches(call, key)
            for action in target.actions.values()
            if not names or action.name in names or action.arn in names
        ]
    return page(call, "ScheduledActions", described)


def _describe(target: Target, action: ScheduledAction) -> dict[str, Any]:
    bounds = {"MinCapacity": action.minimum, "MaxCapacity": action.maximum}
    optional = {
        "Timezone": action.timezone,
        "StartTime": None if action.start is None else timestamp(action.start),
        "EndTime": None if action.end is None else timestamp(action.end),
    }
    return {
        **target.members,
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "Schedule": action.schedule,
        "ScalableTargetAction": {name: value for name, value in bounds.items() if value is not None},
        "CreationTime": timestamp(action.created),
        **{name: value for name, value in optional.items() if value is not None},
    }


@operation(SERVICE, "DeleteScheduledAction")
def delete_scheduled_action(call: Call) -> dict[str, Any]:
    """Delete a scheduled action."""
    key, name = key_of(call.parameters), call.parameters["ScheduledActionName"]
    with scaling_of(call.cloud).lock:
        target = scaling_of(call.cloud).targets.get(key)
        action = target.actions.pop(name, None) if target else None
    if action is None:
        raise not_found("scheduled action found", key, **{"scheduled action name": name})
    _cancel(call.cloud, key, name)
    return {}


def plan(cloud: Cloud, key: Key) -> None:
    """Set the timers of a target's scheduled actions, after a restart."""
    for action in scaling_of(cloud).targets[key].actions.values():
        action.ran = max(action.ran, cloud.clock.time())  # what was missed is not made up for
        _plan(cloud, key, action)


def forget(cloud: Cloud, target: Target) -> None:
    """Cancel the timers of a target that is gone."""
    for name in target.actions:
        _cancel(cloud, target.key, name)


def _cancel(cloud: Cloud, key: Key, name: str) -> None:
    timer = cloud.store(Timers).by_action.pop((key, name), None)
    if timer:
        timer.cancel()


def _plan(cloud: Cloud, key: Key, action: ScheduledAction) -> None:
    """Set the timer of an action's next run, if there is one."""
    _cancel(cloud, key, action.name)
    schedule = parse(action.schedule, action.timezone)
    when = schedule.next_after(action.ran, action.created, action.start, action.end)
    if when is not None:
        timer = cloud.clock.call_at(when, lambda: _run(cloud, key, action, when))
        cloud.store(Timers).by_action[key, action.name] = timer


def _run(cloud: Cloud, key: Key, action: ScheduledAction, when: float) -> None:
    target = scaling_of(cloud).targets.get(key)
    if target is None or target.actions.get(action.name) is not action:
        return
    action.ran = when
    _plan(cloud, key, action)
    if not target.suspended["ScheduledScalingSuspended"]:
        with cloud.store(Turns).lock:
            _set_bounds(cloud, target, action)


def _set_bounds(cloud: Cloud, target: Target, action: ScheduledAction) -> None:
    """Set the bounds of an action, and bring the capacity within them; cooldowns play no part."""
    minimum = target.minimum if action.minimum is None else action.minimum
    maximum = target.maximum if action.maximum is None else action.maximum
    given = {"min": action.minimum, "max": action.maximum}
    what = " and ".join(f"{side} capacity to {value}" for side, value in given.items() if value is not None)
    cause = f"scheduled action name {action.name} was triggered"
    activity = Activity(target.key, cause, f"Setting {what}", cloud.clock.time())
    if minimum > maximum:
        reason = "Maximum capacity cannot be less than minimum capacity"
        activity.end("Failed", f"Failed to set {what}. Reason: {reason}", activity.started)
    else:
        target.minimum, target.maximum = minimum, maximum
        activity.status, activity.message = "Successful", f"Successfully set {what}"
    scaling_of(cloud).note(activity)
    cloud.changes.note()
    if activity.status == "Successful":
        scaler.enforce_bounds(cloud, target.key)
