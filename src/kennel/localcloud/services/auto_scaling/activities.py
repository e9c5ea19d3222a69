"""What Auto Scaling did: an activity for each instance that it launched, terminated or detached."""

from __future__ import annotations

import json
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.ec2.instances import end_what_runs, when_switched_off

SERVICE = "autoscaling"
MOST_ACTIVITIES = 10_000
Activity = dict[str, Any]
Receiver = Callable[[Cloud, Activity, str], None]
_receivers: list[Receiver] = []


def when_noted(receiver: Receiver) -> Receiver:
    """Call a function with each new activity, and the id of its instance."""
    _receivers.append(receiver)
    return receiver


@dataclass
class Known:
    """A group as it was when it was last looked at."""

    name: str
    instances: tuple[str, ...]


@dataclass
class Activities(KeptStore):
    """The activities of a region's groups, the oldest first, and the groups by their ARNs."""

    done: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_ACTIVITIES))
    groups: dict[str, Known] = field(default_factory=dict)


def backend_of(cloud: Cloud) -> Any:
    """Return moto's backend of a region's groups."""
    from moto.autoscaling.models import autoscaling_backends

    return autoscaling_backends[cloud.account][cloud.region]


def groups_of(cloud: Cloud) -> list[Any]:
    """Return moto's records of a region's groups; where there was none, moto's service is not loaded."""
    return list(backend_of(cloud).autoscaling_groups.values()) if cloud.store(Activities).groups else []


def find_group(cloud: Cloud, name: str) -> Any:
    """Return moto's record of a group.

    Raises
    ------
    AwsError
        ``ValidationError``: there is no such group.
    """
    group = backend_of(cloud).autoscaling_groups.get(name)
    if group is None:
        message = f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
        raise AwsError("ValidationError", message)
    return group


def settle(cloud: Cloud, cause: str) -> None:
    """Note which instances came and went since the last look, and end what runs on those that are gone.

    Parameters
    ----------
    cause
        Why, in AWS's words: the middle of a sentence.
    """
    store, ended, noted = cloud.store(Activities), list[str](), list[tuple[Activity, str]]()
    with cloud.lock:
        present = {group.arn: group for group in backend_of(cloud).autoscaling_groups.values()}
        for arn in [*present, *(store.groups.keys() - present.keys())]:
            new, terminated = _compare(cloud, store, arn, present.get(arn), cause)
            noted += new
            ended += terminated
    if ended:
        end_what_runs(cloud, ended, terminated=True)
    for activity, instance in noted:
        for receiver in _receivers:
            receiver(cloud, activity, instance)


def _compare(
    cloud: Cloud, store: Activities, arn: str, group: Any, cause: str
) -> tuple[list[tuple[Activity, str]], list[str]]:
    """Note the changes of one group; return the activities, and the instances that were terminated."""
    before = store.groups.pop(arn, None)
    names = tuple(state.instance.id for state in group.instance_states) if group else ()
    earlier = before.instances if before else ()
    if group:
        store.groups[arn] = Known(group.name, names)
    name = group.name if group else before.name if before else ""
    gone = [instance for instance in earlier if instance not in names]
    terminated = [instance for instance in gone if not _runs(cloud, instance)]
    noted = []
    for instance in gone:
        described = f"{'Terminating' if instance in terminated else 'Detaching'} EC2 instance: {instance}"
        activity = _note(cloud, store, name, arn, described, f"{cause}, shrinking the capacity")
        noted.append((activity, instance))
    for instance in names:
        if instance not in earlier:
            described = f"Launching a new EC2 instance: {instance}"
            activity = _note(cloud, store, name, arn, described, f"{cause}, increasing the capacity")
            noted.append((activity, instance))
    return noted, terminated


def _runs(cloud: Cloud, instance: str) -> bool:
    from moto.ec2.models import ec2_backends

    record = ec2_backends[cloud.account][cloud.region].get_instance_by_id(instance)
    return record is not None and record.state not in ("terminated", "shutting-down")


def _note(cloud: Cloud, store: Activities, group: str, arn: str, described: str, cause: str) -> Activity:
    at = datetime.fromtimestamp(cloud.clock.time(), UTC)
    activity = {
        "ActivityId": str(uuid.uuid4()),
        "AutoScalingGroupName": group,
        "AutoScalingGroupARN": arn,
        "Description": described,
        "Cause": f"At {at:%Y-%m-%dT%H:%M:%SZ} {cause}.",
        "StartTime": at,
        "EndTime": at,
        "StatusCode": "Successful",
        "Progress": 100,
        "Details": json.dumps({}),
    }
    store.done.append(activity)
    return activity


@operation(SERVICE, "DescribeScalingActivities")
def describe_scaling_activities(call: Call) -> dict[str, Any]:
    """Describe what was done to groups, the latest first."""
    name, ids = call.parameters.get("AutoScalingGroupName"), call.parameters.get("ActivityIds")
    present = backend_of(call.cloud).autoscaling_groups
    if name and not call.parameters.get("IncludeDeletedGroups"):
        find_group(call.cloud, name)
    shown = [
        each
        for each in reversed(call.cloud.store(Activities).done)
        if (not name or each["AutoScalingGroupName"] == name)
        and (not ids or each["ActivityId"] in ids)
        and (call.parameters.get("IncludeDeletedGroups") or each["AutoScalingGroupName"] in present)
    ]
    begin, most = int(call.parameters.get("NextToken") or 0), int(call.parameters.get("MaxRecords") or 100)
    more = {"NextToken": str(begin + most)} if len(shown) > begin + most else {}
    return {"Activities": shown[begin : begin + most], **more}


@when_switched_off
def _replace(cloud: Cloud, names: list[str]) -> None:
    """Replace instances of groups that were stopped or terminated, as after a failed health check."""
    from kennel.localcloud.moto_adapter.patches.auto_scaling import is_suspended

    if not groups_of(cloud):
        return
    backend = backend_of(cloud)
    for group in groups_of(cloud):
        for state in list(group.instance_states):
            stopped = state.instance.id in names and state.instance.state != "running"
            if stopped and not is_suspended(group, "ReplaceUnhealthy"):
                backend.terminate_instance(state.instance.id, False)
    settle(cloud, "an instance was taken out of service in response to an EC2 health check")
