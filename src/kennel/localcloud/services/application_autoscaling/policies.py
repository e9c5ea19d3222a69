"""Scaling policies: put with the alarms that Application Auto Scaling makes for them, described, deleted."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from kennel.capacity.scaling.alarms import AlarmRule
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import handler_of, operation
from kennel.localcloud.services.application_autoscaling import permissions, policy_settings, resources
from kennel.localcloud.services.application_autoscaling.listing import matches, page
from kennel.localcloud.services.application_autoscaling.policy_settings import CONFIGURATION, TRACKING
from kennel.localcloud.services.application_autoscaling.state import (
    SERVICE,
    Policy,
    Target,
    find_target,
    key_of,
    not_found,
    scaling_of,
    timestamp,
    validation_error,
)

SIDES = ("AlarmHigh", "AlarmLow")


@operation(SERVICE, "PutScalingPolicy")
def put_scaling_policy(call: Call) -> dict[str, Any]:
    """Make or change a policy; target tracking gets its two alarms."""
    parameters, target = call.parameters, find_target(call)
    name, before = parameters["PolicyName"], target.policies.get(parameters["PolicyName"])
    kind = parameters.get("PolicyType") or (before.kind if before else "StepScaling")
    if kind not in CONFIGURATION:
        raise validation_error(
            f"The local cloud does not scale by a policy of type {kind}: use {' or '.join(CONFIGURATION)}."
        )
    configuration = parameters.get(CONFIGURATION[kind])
    if configuration is None:
        raise validation_error(f"{CONFIGURATION[kind]} is required for the policy type {kind}")
    policy_settings.check_policy(target, name, kind, configuration)
    now = call.cloud.clock.time()
    if before is None or before.kind != kind:
        path = f"resource/{target.key[0]}/{target.key[1]}:policyName/{name}"
        arn = call.arn(f"scalingPolicy:{uuid.uuid4()}:{path}", "autoscaling")
        policy = Policy(arn, name, kind, now, configuration)
    else:
        policy = replace(before, configuration=configuration)
    if before and before.kind != kind:
        delete_alarms(call, before)
    if kind == TRACKING and resources.kind_of(target.key):
        _put_alarms(call, target, policy)
    with scaling_of(call.cloud).lock:
        target.policies[name] = policy
    return {"PolicyARN": policy.arn, "Alarms": _alarms(call, policy)}


def _put_alarms(call: Call, target: Target, policy: Policy) -> None:
    """Make the alarms of a target tracking policy, or give them its new settings."""
    settings = policy_settings.tracking(target, policy.configuration)
    if not policy.alarms:
        policy.alarms = [f"TargetTracking-{target.key[1]}-{side}-{uuid.uuid4()}" for side in SIDES]
    permissions.check_alarms(call, "cloudwatch:PutMetricAlarm", policy)
    for name, rule in zip(policy.alarms, (settings.high_alarm, settings.low_alarm), strict=True):
        metric = policy_settings.alarm_metric(target.key, policy.configuration, rule.period)
        put_alarm(call, policy.arn, name, rule, metric)


def put_alarm(call: Call, policy_arn: str, name: str, rule: AlarmRule, metric: dict[str, Any]) -> None:
    """Make an alarm of a target tracking policy.

    Parameters
    ----------
    metric
        What is tracked, as members of PutMetricAlarm.
    """
    alarm = {
        "AlarmName": name,
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
        "ActionsEnabled": True,
        "AlarmActions": [policy_arn],
        "ComparisonOperator": rule.comparison,
        "Threshold": rule.threshold,
        "EvaluationPeriods": rule.evaluation_periods,
        **metric,
    }
    ask_cloudwatch(call, "PutMetricAlarm", alarm)


def delete_alarms(call: Call, policy: Policy) -> None:
    """Delete the alarms that were made for a policy."""
    if policy.alarms:
        ask_cloudwatch(call, "DeleteAlarms", {"AlarmNames": policy.alarms})


def ask_cloudwatch(call: Call, name: str, parameters: dict[str, Any]) -> None:
    """Call CloudWatch as the service itself."""
    handler = handler_of("cloudwatch", name)
    assert handler is not None
    handler(
        replace(
            call,
            request=replace(call.request, service="cloudwatch", operation=name, parameters=parameters),
        )
    )


def _alarms(call: Call, policy: Policy) -> list[dict[str, str]]:
    return [
        {"AlarmName": name, "AlarmARN": call.arn(f"alarm:{name}", "cloudwatch")} for name in policy.alarms
    ]


@operation(SERVICE, "DescribeScalingPolicies")
def describe_scaling_policies(call: Call) -> dict[str, Any]:
    """Describe the policies of a service."""
    names = call.parameters.get("PolicyNames")
    with scaling_of(call.cloud).lock:
        described = [
            {
                **target.members,
                "PolicyARN": policy.arn,
                "PolicyName": policy.name,
                "PolicyType": policy.kind,
                CONFIGURATION[policy.kind]: policy.configuration,
                "Alarms": _alarms(call, policy),
                "CreationTime": timestamp(policy.created),
            }
            for key, target in scaling_of(call.cloud).targets.items()
            if matches(call, key)
            for policy in target.policies.values()
            if not names or policy.name in names or policy.arn in names
        ]
    return page(call, "ScalingPolicies", described)


@operation(SERVICE, "DeleteScalingPolicy")
def delete_scaling_policy(call: Call) -> dict[str, Any]:
    """Delete a policy and the alarms that were made for it."""
    key, name = key_of(call.parameters), call.parameters["PolicyName"]
    target = scaling_of(call.cloud).targets.get(key)
    policy = target.policies.get(name) if target else None
    if target is None or policy is None:
        raise not_found("scaling policy found", key, **{"policy name": name})
    permissions.check_alarms(call, "cloudwatch:DeleteAlarms", policy)
    delete_alarms(call, policy)
    with scaling_of(call.cloud).lock:
        target.policies.pop(name, None)
    return {}
