"""Instance refreshes: the instances of a group are replaced batch by batch, by the cloud's clock.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.coverage import refusal, refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.patches import auto_scaling as launches
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.auto_scaling.activities import SERVICE, find_group
from kennel.localcloud.services.auto_scaling.mixed import check_mixed
from kennel.localcloud.services.auto_scaling.refreshing import (
    ACTIVE,
    Refresh,
    Refreshes,
    end,
    go_on_later,
    launching_from,
)

CHECKPOINT_SECONDS = 3600
DEFAULTS = {
    "MinHealthyPercentage": 90,
    "MaxHealthyPercentage": 100,
    "SkipMatching": False,
    "AutoRollback": False,
    "ScaleInProtectedInstances": "Wait",
    "StandbyInstances": "Wait",
}
REFUSED = refusal(
    SERVICE,
    "rollbacks and alarms of instance refreshes, and the replacement of root volumes",
    "start another refresh with the earlier version; leave out AutoRollback and AlarmSpecification",
    "ValidationError",
)
refuse(SERVICE, "start another refresh with the earlier version", "RollbackInstanceRefresh")


def _active(cloud: Cloud, group: Any) -> Refresh | None:
    refreshes = cloud.store(Refreshes).by_group.get(group.arn, [])
    return next((refresh for refresh in refreshes if refresh.status in ACTIVE), None)


@operation(SERVICE, "StartInstanceRefresh")
def start_refresh(call: Call) -> dict[str, Any]:
    """Begin to replace the instances of a group."""
    given, cloud = call.parameters, call.cloud
    group, preferences = find_group(cloud, given["AutoScalingGroupName"]), given.get("Preferences") or {}
    desired = given.get("DesiredConfiguration") or {}
    if given.get("Strategy", "Rolling") != "Rolling":
        raise REFUSED.error("replacement of root volumes")
    for name in ("AutoRollback", "AlarmSpecification"):
        if preferences.get(name):
            raise REFUSED.error(f"{name} of instance refreshes")
    kept = _kept(group, preferences)
    if _active(cloud, group):
        message = (
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
        )
        raise AwsError("InstanceRefreshInProgress", message)
    check_mixed(desired.get("MixedInstancesPolicy"))
    with launching_from(group, desired):  # also whether there is such a template
        names = [
            state.instance.id
            for state in group.instance_states
            if not (kept["SkipMatching"] and launches.is_current(group, state)) and not _ignored(state, kept)
        ]
    now = cloud.clock.time()
    refresh = Refresh(str(uuid.uuid4()), group.name, now, kept, desired, names, len(names), now)
    cloud.store(Refreshes).by_group.setdefault(group.arn, []).append(refresh)
    go_on_later(cloud, group.arn, refresh)
    return {"InstanceRefreshId": refresh.name}


def _kept(group: Any, preferences: dict[str, Any]) -> dict[str, Any]:
    """Return preferences with their defaults.

    Raises
    ------
    AwsError
        ``ValidationError``.
    """
    maintenance = getattr(group, "instance_maintenance_policy", None) or {}
    bounds = {name: maintenance[name] for name in DEFAULTS if maintenance.get(name, -1) >= 0}
    kept = {**DEFAULTS, **bounds, **preferences}
    least, most = kept["MinHealthyPercentage"], kept["MaxHealthyPercentage"]
    if not 0 <= least <= 100 <= most <= 200 or most - least > 100:
        message = "MaxHealthyPercentage must be 100 to 200, and at most 100 more than MinHealthyPercentage"
        raise AwsError("ValidationError", f"The preferences of the instance refresh are not valid: {message}")
    if kept.get("InstanceWarmup") is None:
        warmup = getattr(group, "default_instance_warmup", None)
        kept["InstanceWarmup"] = group.health_check_grace_period if warmup is None else warmup
    checkpoints = kept.get("CheckpointPercentages") or []
    if checkpoints != sorted(set(checkpoints)) or any(not 1 <= each <= 100 for each in checkpoints):
        raise AwsError("ValidationError", "CheckpointPercentages must be ascending, from 1 to 100")
    if checkpoints:
        kept.setdefault("CheckpointDelay", CHECKPOINT_SECONDS)
    return kept


def _ignored(state: Any, kept: dict[str, Any]) -> bool:
    protected = state.protected_from_scale_in and kept["ScaleInProtectedInstances"] == "Ignore"
    return protected or (state.lifecycle_state == "Standby" and kept["StandbyInstances"] == "Ignore")


@operation(SERVICE, "DescribeInstanceRefreshes")
def describe_refreshes(call: Call) -> dict[str, Any]:
    """Describe a group's refreshes, the latest first."""
    given, group = call.parameters, find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    names, kept = given.get("InstanceRefreshIds"), call.cloud.store(Refreshes).by_group.get(group.arn, [])
    shown = [_described(each) for each in reversed(kept) if not names or each.name in names]
    begin, most = int(given.get("NextToken") or 0), int(given.get("MaxRecords") or 50)
    more = {"NextToken": str(begin + most)} if len(shown) > begin + most else {}
    return {"InstanceRefreshes": shown[begin : begin + most], **more}


def _described(refresh: Refresh) -> dict[str, Any]:
    ended = {"EndTime": datetime.fromtimestamp(refresh.ended, UTC)} if refresh.ended is not None else {}
    started = {} if refresh.status == "Pending" else {"StartTime": datetime.fromtimestamp(refresh.began, UTC)}
    return {
        "InstanceRefreshId": refresh.name,
        "AutoScalingGroupName": refresh.group,
        "Status": refresh.status,
        "PercentageComplete": refresh.percentage,
        "InstancesToUpdate": len(refresh.left),
        "Preferences": refresh.preferences,
        "Strategy": "Rolling",
        **({"DesiredConfiguration": refresh.desired} if refresh.desired else {}),
        **({"StatusReason": refresh.reason} if refresh.reason else {}),
        **started,
        **ended,
    }


@operation(SERVICE, "CancelInstanceRefresh")
def cancel_refresh(call: Call) -> dict[str, Any]:
    """Replace no more instances; what was replaced stays."""
    group = find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    refresh = _active(call.cloud, group)
    if refresh is None or refresh.status == "Cancelling":
        message = "No in progress or pending Instance Refresh found for Auto Scaling group " + group.name
        raise AwsError("ActiveInstanceRefreshNotFound", message)
    refresh.status, refresh.reason = "Cancelling", "Cancelled due to user request."
    if not call.parameters.get("WaitForTransitioningInstances", True) or refresh.left == []:
        end(call.cloud, refresh, "Cancelled")
    return {"InstanceRefreshId": refresh.name}
