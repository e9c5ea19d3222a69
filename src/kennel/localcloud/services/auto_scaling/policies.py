"""Scaling policies of groups: put, described, deleted, and invoked by alarms or by hand.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html
"""

from __future__ import annotations

import math
import uuid
from typing import Any

from kennel.capacity.scaling import step_scaling
from kennel.capacity.scaling.alarms import ALARM
from kennel.capacity.scaling.cooldowns import Memory
from kennel.capacity.scaling.decision import NotScaled
from kennel.capacity.scaling.step_scaling import Step, StepError, StepScaling
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.patches.auto_scaling import is_suspended
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.alarm_actions import StateChange
from kennel.localcloud.services.application_autoscaling.decisions import receives_for_groups
from kennel.localcloud.services.auto_scaling import tracking
from kennel.localcloud.services.auto_scaling.activities import SERVICE, find_group, groups_of, settle
from kennel.localcloud.services.auto_scaling.group_policies import (
    SIMPLE,
    STEP,
    TRACKING,
    Policies,
    Policy,
    policies_of,
)
from kennel.localcloud.services.cloudwatch.alarm import alarms_of
from kennel.localcloud.services.cloudwatch.evaluation import newest_value

PREDICTIVE = refusal(
    SERVICE,
    "predictive policies of groups",
    "use target tracking, or a step policy with an alarm",
    "ValidationError",
)


@operation(SERVICE, "PutScalingPolicy")
def put_scaling_policy(call: Call) -> dict[str, Any]:
    """Make a policy, or replace it."""
    given, group = call.parameters, find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    kind = given.get("PolicyType") or SIMPLE
    if kind not in (SIMPLE, STEP, TRACKING):
        raise PREDICTIVE.error(f"{kind} policies of groups")
    if kind == TRACKING:
        tracking.check(given.get("TargetTrackingConfiguration") or {})
    elif given.get("AdjustmentType") not in step_scaling.ADJUSTMENT_TYPES:
        raise AwsError("ValidationError", f"Unknown adjustment type {given.get('AdjustmentType')}")
    if kind == SIMPLE and given.get("ScalingAdjustment") is None:
        raise AwsError("ValidationError", "ScalingAdjustment is required for policy type SimpleScaling")
    name, policies = given["PolicyName"], policies_of(call.cloud, group).policies
    path = f"autoScalingGroupName/{group.name}:policyName/{name}"
    arn = policies[name].arn if name in policies else call.arn(f"scalingPolicy:{uuid.uuid4()}:{path}")
    policy = Policy(arn, {name: value for name, value in given.items() if name != "AutoScalingGroupName"})
    before = policies.get(name)
    if kind == TRACKING:
        policy.alarms = before.alarms if before else []
        tracking.put_alarms(call, group, policy)
    else:
        try:
            step_scaling.check_steps(_steps(policy), given["AdjustmentType"])
        except StepError as error:
            raise AwsError("ValidationError", str(error)) from error
        if before:
            tracking.delete_alarms(call, before)
    policies[name] = policy
    return {"PolicyARN": arn, "Alarms": _alarms(call.cloud, policy)}


def _steps(policy: Policy) -> tuple[Step, ...]:
    if policy.kind == SIMPLE:
        adjustment = int(policy.parameters["ScalingAdjustment"])
        return Step(-math.inf, 0.0, adjustment), Step(0.0, math.inf, adjustment)
    return tuple(
        Step(
            float(step.get("MetricIntervalLowerBound", -math.inf)),
            float(step.get("MetricIntervalUpperBound", math.inf)),
            int(step["ScalingAdjustment"]),
        )
        for step in policy.parameters.get("StepAdjustments") or []
    )


@operation(SERVICE, "DescribePolicies")
def describe_policies(call: Call) -> dict[str, Any]:
    """Describe policies, with the alarms that invoke them."""
    given = call.parameters
    names, kinds = given.get("PolicyNames"), given.get("PolicyTypes")
    chosen = given.get("AutoScalingGroupName")
    shown = [
        _described(call.cloud, group, policy)
        for group in groups_of(call.cloud)
        if not chosen or group.name == chosen
        for name, policy in policies_of(call.cloud, group).policies.items()
        if (not names or name in names or policy.arn in names) and (not kinds or policy.kind in kinds)
    ]
    begin, most = int(given.get("NextToken") or 0), int(given.get("MaxRecords") or 50)
    more = {"NextToken": str(begin + most)} if len(shown) > begin + most else {}
    return {"ScalingPolicies": shown[begin : begin + most], **more}


def _described(cloud: Cloud, group: Any, policy: Policy) -> dict[str, Any]:
    defaults: dict[str, Any] = {"PolicyType": policy.kind, "Enabled": True}
    if policy.kind == STEP:
        defaults["MetricAggregationType"] = "Average"
    own = {"AutoScalingGroupName": group.name, "PolicyARN": policy.arn, "Alarms": _alarms(cloud, policy)}
    if policy.kind == TRACKING:
        configuration = policy.parameters["TargetTrackingConfiguration"]
        own["TargetTrackingConfiguration"] = {"DisableScaleIn": False, **configuration}
    return {**defaults, **policy.parameters, **own}


def _alarms(cloud: Cloud, policy: Policy) -> list[dict[str, str]]:
    """Return the alarms that invoke a policy, its own and others."""
    return [
        {"AlarmName": alarm.name, "AlarmARN": alarm.describe()["AlarmArn"]}
        for alarm in list(alarms_of(cloud).by_name.values())
        if policy.arn in alarm.actions(ALARM)
    ]


@operation(SERVICE, "DeletePolicy")
def delete_policy(call: Call) -> dict[str, Any]:
    """Delete a policy, by its name or ARN."""
    group, policy = _find(call)
    tracking.delete_alarms(call, policy)
    del policies_of(call.cloud, group).policies[policy.parameters["PolicyName"]]
    return {}


def forget_policies(call: Call, group: Any) -> None:
    """Forget the policies of a group that goes, and delete the alarms that were made for them."""
    for policy in policies_of(call.cloud, group).policies.values():
        tracking.delete_alarms(call, policy)
    call.cloud.store(Policies).by_group.pop(group.arn, None)


def _find(call: Call) -> tuple[Any, Policy]:
    given = call.parameters["PolicyName"]
    if given.startswith("arn:"):
        return _by_arn(call.cloud, given)
    group = find_group(call.cloud, call.parameters.get("AutoScalingGroupName", ""))
    policy = policies_of(call.cloud, group).policies.get(given)
    if policy is None:
        raise AwsError("ValidationError", f"PolicyName not found: {given}")
    return group, policy


def _by_arn(cloud: Cloud, arn: str) -> tuple[Any, Policy]:
    group = find_group(cloud, arn.split("autoScalingGroupName/")[-1].split(":policyName/")[0])
    for policy in policies_of(cloud, group).policies.values():
        if policy.arn == arn:
            return group, policy
    raise AwsError("ValidationError", f"No scaling policy found for the ARN {arn}")


@operation(SERVICE, "ExecutePolicy")
def execute_policy(call: Call) -> dict[str, Any]:
    """Let a policy act as if its alarm had invoked it."""
    group, policy = _find(call)
    given, memory = call.parameters, policies_of(call.cloud, group).memory
    if policy.kind == TRACKING:
        raise AwsError("ValidationError", "Target tracking policies are invoked by their alarms only.")
    value, threshold = given.get("MetricValue"), given.get("BreachThreshold")
    if policy.kind == STEP and (value is None or threshold is None):
        raise AwsError(
            "ValidationError", "MetricValue and BreachThreshold are required for StepScaling policies"
        )
    if given.get("HonorCooldown") and call.cloud.clock.time() < memory.until:
        raise AwsError("ScalingActivityInProgress", "You cannot scale while a cooldown is in effect")
    cause = f"a user request executed policy {policy.parameters['PolicyName']}"
    _scale(call.cloud, group, policy, (value or 0.0, threshold or 0.0), cause)
    return {}


@receives_for_groups
def invoke_policy(cloud: Cloud, arn: str, alarm: dict[str, Any], change: StateChange) -> None:
    """Receive an alarm's action.

    Raises
    ------
    AwsError
        There is no such policy: the alarm's history shows it.
    """
    group, policy = _by_arn(cloud, arn)
    if change.new != ALARM or is_suspended(group, "AlarmNotification"):
        return
    if not policy.parameters.get("Enabled", True):
        return
    memory, value = policies_of(cloud, group).memory, newest_value(cloud, alarm["AlarmName"])
    if policy.kind == SIMPLE and cloud.clock.time() < memory.until:
        return
    if value is None and policy.kind != SIMPLE:
        return
    threshold = float(alarm.get("Threshold") or 0.0)
    name = policy.parameters["PolicyName"]
    cause = f"a monitor alarm {alarm['AlarmName']} in state ALARM triggered policy {name}"
    with cloud.changes.call():
        _scale(cloud, group, policy, (threshold if value is None else value, threshold), cause)


def _scale(cloud: Cloud, group: Any, policy: Policy, measured: tuple[float, float], cause: str) -> None:
    """Set the capacity that a policy leads to.

    Parameters
    ----------
    measured
        The metric's value, and the alarm's threshold.
    """
    kept, now, before = policies_of(cloud, group), cloud.clock.time(), group.desired_capacity
    memory = kept.memory
    if policy.kind == TRACKING:
        others = [other for other in kept.policies.values() if other is not policy]
        cooldown = tracking.settings_of(group, policy).scale_out_cooldown
        decision = tracking.weigh(cloud, group, policy, others, memory, measured[0])
    else:
        settings = _settings(group, policy)
        cooldown = settings.cooldown
        # Simple scaling waits for its cooldown, and then counts from the capacity that is.
        base = Memory() if policy.kind == SIMPLE else memory
        decision = step_scaling.weigh(settings, base, *measured, before, now)
    if isinstance(decision, NotScaled):
        return
    group.set_desired_capacity(decision.capacity)
    memory.began(before, decision.capacity, cooldown, now)
    memory.completed(now)
    cloud.changes.note()
    settle(cloud, f"{cause} changing the desired capacity from {before} to {decision.capacity}")


def _settings(group: Any, policy: Policy) -> StepScaling:
    given = policy.parameters
    cooldown = given.get("Cooldown" if policy.kind == SIMPLE else "EstimatedInstanceWarmup")
    return StepScaling(
        adjustment_type=given["AdjustmentType"],
        steps=_steps(policy),
        minimum=group.min_size,
        maximum=group.max_size,
        cooldown=float(group.default_cooldown if cooldown is None else cooldown),
        minimum_magnitude=int(given.get("MinAdjustmentMagnitude") or given.get("MinAdjustmentStep") or 0),
    )
