"""Scaling policies of groups: simple and step scaling, by alarms or by hand.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html
"""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from typing import Any

from kennel.capacity.scaling import step_scaling
from kennel.capacity.scaling.cooldowns import Memory
from kennel.capacity.scaling.decision import NotScaled
from kennel.capacity.scaling.step_scaling import Step, StepError, StepScaling
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.patches.auto_scaling import is_suspended
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.alarm_actions import StateChange
from kennel.localcloud.services.auto_scaling.activities import SERVICE, find_group, groups_of, settle
from kennel.localcloud.services.cloudwatch.alarm import alarms_of
from kennel.localcloud.services.cloudwatch.evaluation import newest_value

SIMPLE, STEP = "SimpleScaling", "StepScaling"
TRACKING = refusal(
    SERVICE,
    "target tracking and predictive policies",
    "instances publish no load here; use a step policy with an alarm on a metric of your own",
    "ValidationError",
)


@dataclass
class Policy:
    """A policy of a group, by the parameters that it was put with."""

    arn: str
    parameters: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its PolicyType."""
        return str(self.parameters.get("PolicyType") or SIMPLE)


@dataclass
class OfGroup:
    """The policies of a group by name, and the cooldown of its last scaling by one."""

    policies: dict[str, Policy] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)


@dataclass
class Policies(KeptStore):
    """What is kept of the groups of a region, by their ARNs."""

    by_group: dict[str, OfGroup] = field(default_factory=dict)


def _of(cloud: Cloud, group: Any) -> OfGroup:
    return cloud.store(Policies).by_group.setdefault(group.arn, OfGroup())


@operation(SERVICE, "PutScalingPolicy")
def put_scaling_policy(call: Call) -> dict[str, Any]:
    """Make a policy, or replace it."""
    given, group = call.parameters, find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    kind = given.get("PolicyType") or SIMPLE
    if kind not in (SIMPLE, STEP):
        raise TRACKING.error(f"{kind} policies of groups")
    if given.get("AdjustmentType") not in step_scaling.ADJUSTMENT_TYPES:
        raise AwsError("ValidationError", f"Unknown adjustment type {given.get('AdjustmentType')}")
    if kind == SIMPLE and given.get("ScalingAdjustment") is None:
        raise AwsError("ValidationError", "ScalingAdjustment is required for policy type SimpleScaling")
    name, policies = given["PolicyName"], _of(call.cloud, group).policies
    path = f"autoScalingGroupName/{group.name}:policyName/{name}"
    arn = policies[name].arn if name in policies else call.arn(f"scalingPolicy:{uuid.uuid4()}:{path}")
    policy = Policy(arn, {name: value for name, value in given.items() if name != "AutoScalingGroupName"})
    try:
        step_scaling.check_steps(_steps(policy), given["AdjustmentType"])
    except StepError as error:
        raise AwsError("ValidationError", str(error)) from error
    policies[name] = policy
    return {"PolicyARN": arn, "Alarms": []}


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
        for name, policy in _of(call.cloud, group).policies.items()
        if (not names or name in names or policy.arn in names) and (not kinds or policy.kind in kinds)
    ]
    begin, most = int(given.get("NextToken") or 0), int(given.get("MaxRecords") or 50)
    more = {"NextToken": str(begin + most)} if len(shown) > begin + most else {}
    return {"ScalingPolicies": shown[begin : begin + most], **more}


def _described(cloud: Cloud, group: Any, policy: Policy) -> dict[str, Any]:
    defaults: dict[str, Any] = {"PolicyType": policy.kind, "Enabled": True}
    if policy.kind == STEP:
        defaults["MetricAggregationType"] = "Average"
    alarms = [
        {"AlarmName": alarm.name, "AlarmARN": alarm.describe()["AlarmArn"]}
        for alarm in list(alarms_of(cloud).by_name.values())
        if policy.arn in alarm.actions("ALARM")
    ]
    own = {"AutoScalingGroupName": group.name, "PolicyARN": policy.arn, "Alarms": alarms}
    return {**defaults, **policy.parameters, **own}


@operation(SERVICE, "DeletePolicy")
def delete_policy(call: Call) -> dict[str, Any]:
    """Delete a policy, by its name or ARN."""
    group, policy = _find(call)
    del _of(call.cloud, group).policies[policy.parameters["PolicyName"]]
    return {}


def _find(call: Call) -> tuple[Any, Policy]:
    given = call.parameters["PolicyName"]
    if given.startswith("arn:"):
        return _by_arn(call.cloud, given)
    group = find_group(call.cloud, call.parameters.get("AutoScalingGroupName", ""))
    policy = _of(call.cloud, group).policies.get(given)
    if policy is None:
        raise AwsError("ValidationError", f"PolicyName not found: {given}")
    return group, policy


def _by_arn(cloud: Cloud, arn: str) -> tuple[Any, Policy]:
    group = find_group(cloud, arn.split("autoScalingGroupName/")[-1].split(":policyName/")[0])
    for policy in _of(cloud, group).policies.values():
        if policy.arn == arn:
            return group, policy
    raise AwsError("ValidationError", f"No scaling policy found for the ARN {arn}")


@operation(SERVICE, "ExecutePolicy")
def execute_policy(call: Call) -> dict[str, Any]:
    """Let a policy act as if its alarm had invoked it."""
    group, policy = _find(call)
    given, memory = call.parameters, _of(call.cloud, group).memory
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


def invoke_policy(cloud: Cloud, arn: str, alarm: dict[str, Any], change: StateChange) -> None:
    """Receive an alarm's action.

    Raises
    ------
    AwsError
        There is no such policy: the alarm's history shows it.
    """
    group, policy = _by_arn(cloud, arn)
    if change.new != "ALARM" or is_suspended(group, "AlarmNotification"):
        return
    if not policy.parameters.get("Enabled", True):
        return
    memory, value = _of(cloud, group).memory, newest_value(cloud, alarm["AlarmName"])
    if policy.kind == SIMPLE and cloud.clock.time() < memory.until:
        return
    if value is None and policy.kind == STEP:
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
    memory, now, before = _of(cloud, group).memory, cloud.clock.time(), group.desired_capacity
    given = policy.parameters
    name = "Cooldown" if policy.kind == SIMPLE else "EstimatedInstanceWarmup"
    cooldown = given.get(name)
    settings = StepScaling(
        adjustment_type=given["AdjustmentType"],
        steps=_steps(policy),
        minimum=group.min_size,
        maximum=group.max_size,
        cooldown=float(group.default_cooldown if cooldown is None else cooldown),
        minimum_magnitude=int(given.get("MinAdjustmentMagnitude") or given.get("MinAdjustmentStep") or 0),
    )
    base = Memory() if policy.kind == SIMPLE else memory  # simple scaling waits, and then counts from what is
    decision = step_scaling.weigh(settings, base, *measured, before, now)
    if isinstance(decision, NotScaled):
        return
    group.set_desired_capacity(decision.capacity)
    memory.began(before, decision.capacity, settings.cooldown, now)
    memory.completed(now)
    cloud.changes.note()
    settle(cloud, f"{cause} changing the desired capacity from {before} to {decision.capacity}")
