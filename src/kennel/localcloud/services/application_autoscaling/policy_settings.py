"""What PutScalingPolicy accepts, and the policies of the algorithm that it means.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
"""

from __future__ import annotations

import math
from typing import Any

from kennel.capacity.scaling.step_scaling import ADJUSTMENT_TYPES, Step, StepError, StepScaling, check_steps
from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.localcloud.services.application_autoscaling import resources
from kennel.localcloud.services.application_autoscaling.state import Key, Policy, Target, validation_error

TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"
CONFIGURATION = {
    TRACKING: "TargetTrackingScalingPolicyConfiguration",
    STEPS: "StepScalingPolicyConfiguration",
}
PREDEFINED, CUSTOMIZED = "PredefinedMetricSpecification", "CustomizedMetricSpecification"
HIGH_RESOLUTION = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
# By metric type: namespace, metric, statistic. SageMaker publishes 1 / instances for each request: the sum of
# those is the requests per instance. The others are means over the instances or environments.
METRICS = {
    resources.VARIANTS: {
        "SageMakerVariantInvocationsPerInstance": ("AWS/SageMaker", "InvocationsPerInstance", "Sum"),
        HIGH_RESOLUTION: ("AWS/SageMaker", "ConcurrentRequestsPerModel", "Average"),
    },
    resources.CONCURRENCY: {
        "LambdaProvisionedConcurrencyUtilization": (
            "AWS/Lambda",
            "ProvisionedConcurrencyUtilization",
            "Average",
        )
    },
}


def check_policy(target: Target, name: str, kind: str, configuration: dict[str, Any]) -> None:
    """Check a policy that is to be put.

    Raises
    ------
    AwsError
        ``ValidationException``: AWS refuses it, or nothing here can act by it.
    """
    if kind == STEPS:
        _check_steps(target.key, configuration)
        return
    if "TargetValue" not in configuration or not configuration["TargetValue"] > 0:
        raise validation_error("TargetValue must be greater than 0")
    for member in ("ScaleOutCooldown", "ScaleInCooldown"):
        if (configuration.get(member) or 0) < 0:
            raise validation_error(f"{member} must not be negative")
    metric = _check_metric(target.key, configuration)
    for other in target.policies.values():
        if other.name != name and other.kind == TRACKING and _metric(other.configuration) == metric:
            raise validation_error(
                "Only one TargetTrackingScaling policy for a given metric specification is allowed."
            )


def _check_steps(key: Key, configuration: dict[str, Any]) -> None:
    kind = resources.kind_of(key)
    if kind and not kind.steps:
        raise validation_error(f"Step scaling policies are not supported for the service namespace {key[0]}")
    adjustment = configuration.get("AdjustmentType")
    if adjustment not in ADJUSTMENT_TYPES:
        raise validation_error(f"AdjustmentType must be one of {', '.join(ADJUSTMENT_TYPES)}")
    if configuration.get("MinAdjustmentMagnitude") and adjustment != "PercentChangeInCapacity":
        raise validation_error("MinAdjustmentMagnitude is valid for PercentChangeInCapacity only")
    try:
        check_steps(_steps(configuration), adjustment)
    except StepError as error:
        raise validation_error(str(error)) from error


def _metric(configuration: dict[str, Any]) -> Any:
    return configuration.get(PREDEFINED) or configuration.get(CUSTOMIZED)


def _check_metric(key: Key, configuration: dict[str, Any]) -> Any:
    problem = specification_problem(configuration)
    if problem:
        raise validation_error(problem)
    predefined, customized = configuration.get(PREDEFINED), configuration.get(CUSTOMIZED)
    known = METRICS.get((key[0], key[2]))
    if predefined and known and predefined["PredefinedMetricType"] not in known:
        raise validation_error(
            f"The local cloud has no metric {predefined['PredefinedMetricType']} of {key[2]}: it has "
            f"{', '.join(known)}."
        )
    return predefined or customized


def specification_problem(configuration: dict[str, Any]) -> str:
    """Return what is wrong with the metric of a target tracking policy; empty if nothing is."""
    predefined, customized = configuration.get(PREDEFINED), configuration.get(CUSTOMIZED)
    if bool(predefined) == bool(customized):
        return f"Exactly one of {PREDEFINED} and {CUSTOMIZED} must be specified"
    if customized and bool(customized.get("Metrics")) == bool(customized.get("MetricName")):
        return f"{CUSTOMIZED} must have either Metrics, or MetricName, Namespace and Statistic"
    if customized and customized.get("MetricName"):
        for member in ("Namespace", "Statistic"):
            if not customized.get(member):
                return f"{CUSTOMIZED} must have a {member}"
    return ""


def alarm_metric(key: Key, configuration: dict[str, Any], period: int) -> dict[str, Any]:
    """Return what a target tracking policy tracks, as members of PutMetricAlarm.

    Parameters
    ----------
    key
        The scalable target.
    configuration
        The policy's, which `check_policy` accepted.
    period
        Seconds of a datapoint.
    """
    predefined = configuration.get(PREDEFINED)
    if predefined:
        namespace, metric, statistic = METRICS[key[0], key[2]][predefined["PredefinedMetricType"]]
        return {
            "Namespace": namespace,
            "MetricName": metric,
            "Statistic": statistic,
            "Dimensions": _dimensions(key),
            "Period": period,
        }
    return customized_metric(configuration[CUSTOMIZED], period)


def customized_metric(customized: dict[str, Any], period: int) -> dict[str, Any]:
    """Return a customized metric as members of PutMetricAlarm; see `alarm_metric`."""
    if customized.get("MetricName"):
        members = ("Namespace", "MetricName", "Statistic", "Dimensions", "Unit")
        return {name: customized[name] for name in members if customized.get(name)} | {"Period": period}
    return {"Metrics": [_query(query, period) for query in customized["Metrics"]]}


def _query(query: dict[str, Any], period: int) -> dict[str, Any]:
    if not query.get("MetricStat"):
        return {"Period": period, **query}
    return {**query, "MetricStat": {"Period": period, **query["MetricStat"]}}


def _dimensions(key: Key) -> list[dict[str, str]]:
    if key[0] == "sagemaker":
        _, endpoint, _, variant = key[1].split("/")
        pairs = {"EndpointName": endpoint, "VariantName": variant}
    else:
        _, name, qualifier = key[1].split(":")
        pairs = {"FunctionName": name, "Resource": f"{name}:{qualifier}"}
    return [{"Name": name, "Value": value} for name, value in pairs.items()]


def tracking(target: Target, configuration: dict[str, Any]) -> TargetTracking:
    """Return a target tracking policy of the algorithm."""
    kind = resources.kind_of(target.key)
    assert kind is not None
    predefined = (configuration.get(PREDEFINED) or {}).get("PredefinedMetricType")
    after_out, after_in = configuration.get("ScaleOutCooldown"), configuration.get("ScaleInCooldown")
    return TargetTracking(
        target=float(configuration["TargetValue"]),
        minimum=target.minimum,
        maximum=target.maximum,
        scale_out_cooldown=kind.cooldown if after_out is None else float(after_out),
        scale_in_cooldown=kind.cooldown if after_in is None else float(after_in),
        scale_in=not configuration.get("DisableScaleIn"),
        high_resolution=predefined == HIGH_RESOLUTION,
    )


def steps(target: Target, policy: Policy) -> StepScaling:
    """Return a step scaling policy of the algorithm."""
    kind, configuration = resources.kind_of(target.key), policy.configuration
    assert kind is not None
    cooldown = configuration.get("Cooldown")
    return StepScaling(
        adjustment_type=configuration["AdjustmentType"],
        steps=_steps(configuration),
        minimum=target.minimum,
        maximum=target.maximum,
        cooldown=kind.cooldown if cooldown is None else float(cooldown),
        minimum_magnitude=int(configuration.get("MinAdjustmentMagnitude") or 0),
    )


def _steps(configuration: dict[str, Any]) -> tuple[Step, ...]:
    def bound(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else float(value)

    return tuple(
        Step(
            bound(step.get("MetricIntervalLowerBound"), -math.inf),
            bound(step.get("MetricIntervalUpperBound"), math.inf),
            int(step["ScalingAdjustment"]),
        )
        for step in configuration.get("StepAdjustments") or []
    )
