"""Target tracking of groups: its two alarms, and what they lead to.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
"""

from __future__ import annotations

import uuid
from typing import Any

from kennel.capacity.scaling import target_tracking
from kennel.capacity.scaling.alarms import ALARM
from kennel.capacity.scaling.cooldowns import Memory
from kennel.capacity.scaling.decision import Decision, NotScaled
from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.application_autoscaling.policies import SIDES, ask_cloudwatch, put_alarm
from kennel.localcloud.services.application_autoscaling.policy_settings import (
    CUSTOMIZED,
    PREDEFINED,
    customized_metric,
    specification_problem,
)
from kennel.localcloud.services.auto_scaling.activities import SERVICE
from kennel.localcloud.services.auto_scaling.group_policies import TRACKING, Policy
from kennel.localcloud.services.cloudwatch.alarm import alarms_of

CPU = "ASGAverageCPUUtilization"
METRICS = refusal(
    SERVICE,
    "target tracking of groups' network traffic and of requests to load balancers",
    f"track {CPU}, or a metric of your own",
    "ValidationError",
)


def check(configuration: dict[str, Any]) -> None:
    """Refuse a target tracking configuration that AWS refuses, or by which nothing here can act.

    Raises
    ------
    AwsError
        ``ValidationError``.
    """
    problem = specification_problem(configuration)
    if not configuration.get("TargetValue", 0) > 0:
        problem = "TargetValue must be greater than 0"
    if problem:
        raise AwsError("ValidationError", problem)
    kind = (configuration.get(PREDEFINED) or {}).get("PredefinedMetricType", CPU)
    if kind != CPU:
        raise METRICS.error(f"tracking of {kind}")


def settings_of(group: Any, policy: Policy) -> TargetTracking:
    """Return a policy as the algorithm has it; a group's warm-up takes the place of cooldowns."""
    configuration = policy.parameters["TargetTrackingConfiguration"]
    warmup = policy.parameters.get("EstimatedInstanceWarmup")
    if warmup is None:
        warmup = getattr(group, "default_instance_warmup", None)
    seconds = float(group.default_cooldown if warmup is None else warmup)
    return TargetTracking(
        target=float(configuration["TargetValue"]),
        minimum=group.min_size,
        maximum=group.max_size,
        scale_out_cooldown=seconds,
        scale_in_cooldown=seconds,
        scale_in=not configuration.get("DisableScaleIn"),
    )


def put_alarms(call: Call, group: Any, policy: Policy) -> None:
    """Make the alarms of a policy, or give them its new settings."""
    configuration = policy.parameters["TargetTrackingConfiguration"]
    if not policy.alarms:
        policy.alarms = [f"TargetTracking-{group.name}-{side}-{uuid.uuid4()}" for side in SIDES]
    settings = settings_of(group, policy)
    for name, rule in zip(policy.alarms, (settings.high_alarm, settings.low_alarm), strict=True):
        if configuration.get(CUSTOMIZED):
            metric = customized_metric(configuration[CUSTOMIZED], rule.period)
        else:
            metric = {
                "Namespace": "AWS/EC2",
                "MetricName": "CPUUtilization",
                "Statistic": "Average",
                "Dimensions": [{"Name": "AutoScalingGroupName", "Value": group.name}],
                "Period": rule.period,
            }
        put_alarm(call, policy.arn, name, rule, metric)


def delete_alarms(call: Call, policy: Policy) -> None:
    """Delete the alarms that were made for a policy, if there are any."""
    if policy.alarms:
        ask_cloudwatch(call, "DeleteAlarms", {"AlarmNames": policy.alarms})


def weigh(
    cloud: Cloud, group: Any, policy: Policy, others: list[Policy], memory: Memory, value: float
) -> Decision | NotScaled:
    """Decide what an alarm of a policy leads to.

    Parameters
    ----------
    others
        The other policies of the group: those that track must be ready to scale in, too.
    value
        The newest datapoint of the metric.
    """
    capacity, now = group.desired_capacity, cloud.clock.time()
    outcome = target_tracking.weigh(settings_of(group, policy), memory, value, capacity, now)
    if isinstance(outcome, Decision) and outcome.capacity < capacity:
        alarms = alarms_of(cloud).by_name
        for other in others:
            if other.kind != TRACKING or not settings_of(group, other).scale_in:
                continue
            low = alarms.get(other.alarms[-1])
            if low is None or low.state != ALARM:
                return NotScaled("", f"{other.parameters['PolicyName']} is not ready to scale in")
    return outcome
