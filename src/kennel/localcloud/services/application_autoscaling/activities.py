"""The record of scaling activities, in AWS's words."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.services.application_autoscaling.listing import matches, page
from kennel.localcloud.services.application_autoscaling.state import (
    KEY_MEMBERS,
    SERVICE,
    Activity,
    scaling_of,
    timestamp,
)


@operation(SERVICE, "DescribeScalingActivities")
def describe_scaling_activities(call: Call) -> dict[str, Any]:
    """Describe what scaled the targets of a service, the newest first; decisions not to scale on request."""
    everything = bool(call.parameters.get("IncludeNotScaledActivities"))
    with scaling_of(call.cloud).lock:
        activities = list(reversed(scaling_of(call.cloud).activities))
    described = [
        _describe(activity)
        for activity in activities
        if matches(call, activity.key) and (everything or not activity.not_scaled)
    ]
    return page(call, "ScalingActivities", described)


def _describe(activity: Activity) -> dict[str, Any]:
    optional = {
        "StatusMessage": activity.message,
        "EndTime": None if activity.ended is None else timestamp(activity.ended),
        "NotScaledReasons": activity.not_scaled,
    }
    return {
        **dict(zip(KEY_MEMBERS, activity.key, strict=True)),
        "ActivityId": activity.id,
        "Cause": activity.cause,
        "Description": activity.description,
        "StartTime": timestamp(activity.started),
        "StatusCode": activity.status,
        **{name: value for name, value in optional.items() if value},
    }
