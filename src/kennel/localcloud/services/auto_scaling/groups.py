"""Groups: what moto loses of them, their bounds, and what changes their instances."""

from __future__ import annotations

from typing import Any

from botocore import xform_name

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.coverage import describe, refusal, refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.runtime import cloudwatch_metrics
from kennel.localcloud.runtime.metrics.store import MINUTE
from kennel.localcloud.services.auto_scaling.activities import (
    SERVICE,
    backend_of,
    find_group,
    groups_of,
    settle,
)
from kennel.localcloud.services.auto_scaling.mixed import check_mixed
from kennel.localcloud.services.auto_scaling.notifications import Notifications
from kennel.localcloud.services.auto_scaling.policies import forget_policies
from kennel.localcloud.services.auto_scaling.refreshing import forget_refreshes
from kennel.localcloud.services.auto_scaling.scheduled import Actions

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
METRICS = (
    "GroupMinSize",
    "GroupMaxSize",
    "GroupDesiredCapacity",
    "GroupInServiceInstances",
    "GroupPendingInstances",
    "GroupStandbyInstances",
    "GroupTerminatingInstances",
    "GroupTotalInstances",
)
# What moto does not keep at all, or not when a group is changed, or takes 0 of for nothing.
KEPT = (
    "AvailabilityZoneDistribution",
    "AvailabilityZoneImpairmentPolicy",
    "CapacityRebalance",
    "CapacityReservationSpecification",
    "Context",
    "DefaultCooldown",
    "DefaultInstanceWarmup",
    "DeletionProtection",
    "DesiredCapacityType",
    "HealthCheckGracePeriod",
    "InstanceLifecyclePolicy",
    "InstanceMaintenancePolicy",
    "MaxInstanceLifetime",
    "PlacementGroup",
    "ServiceLinkedRoleARN",
    "TerminationPolicies",
)
NO_HOOK = "nothing waits for them at the launch or end of an instance; leave them out"
HOOKS = refusal(SERVICE, "lifecycle hooks of groups", NO_HOOK, "ValidationError")

describe(
    SERVICE,
    "groups launch and terminate instances, each with its Systems Manager agent, to their desired capacity, "
    "spread over their subnets, from the template's version; those that end or are unhealthy are replaced; "
    "simple, step and target tracking policies act on alarms, scheduled actions and instance refreshes by "
    "the cloud's clock; topics are notified; mixed policies launch their first override; "
    "activities and the groups' metrics are kept",
    "how long instances live, where they are placed, how they are bought, warm up and are maintained",
)
refuse(SERVICE, NO_HOOK, "PutLifecycleHook")
refuse(SERVICE, "instances are there at once; leave it out", "PutWarmPool")


@operation(SERVICE, "CreateAutoScalingGroup")
def create_group(call: Call) -> Response:
    """Make a group, and launch its instances."""
    given = call.parameters
    if given.get("LifecycleHookSpecificationList"):
        raise HOOKS.error()
    name, desired = given["AutoScalingGroupName"], given.get("DesiredCapacity")
    if name in backend_of(call.cloud).autoscaling_groups:
        message = (
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
        )
        raise AwsError("AlreadyExists", message)
    check_bounds(given["MinSize"], given["MaxSize"], desired)
    check_mixed(given.get("MixedInstancesPolicy"))
    response = call.ask_moto()
    if response.ok:
        group = find_group(call.cloud, name)
        group.health_check_grace_period = 0  # unless the request says more
        _keep(call)
        capacity = group.desired_capacity
        what = f"changing the desired capacity from 0 to {capacity}"
        settle(call.cloud, f"a user request created an AutoScalingGroup {what}")
    return response


def check_bounds(least: int, most: int, desired: int | None) -> None:
    """Refuse bounds that contradict each other, and a capacity beyond them.

    Raises
    ------
    AwsError
        ``ValidationError``.
    """
    if least > most:
        message = f"Max bound, {most}, must be greater than or equal to min bound, {least}"
        raise AwsError("ValidationError", message)
    if desired is not None and not least <= desired <= most:
        message = (
            f"Desired capacity:{desired} must be between the specified min size:{least} and max size:{most}"
        )
        raise AwsError("ValidationError", message)


@operation(SERVICE, "UpdateAutoScalingGroup")
def update_group(call: Call) -> Response:
    """Change what a request names of a group."""
    given = call.parameters
    group = find_group(call.cloud, given["AutoScalingGroupName"])
    check_bounds(
        given.get("MinSize", group.min_size),
        given.get("MaxSize", group.max_size),
        given.get("DesiredCapacity"),
    )
    check_mixed(given.get("MixedInstancesPolicy"))
    mixed = group.mixed_instances_policy
    response = call.ask_moto()
    if response.ok:
        _keep(call)
        _keep_origin(group, given, mixed)
        settle(call.cloud, f"a user request update of AutoScalingGroup constraints to {_constraints(group)}")
    return response


def _constraints(group: Any) -> str:
    return f"min: {group.min_size}, max: {group.max_size}, desired: {group.desired_capacity}"


def _keep_origin(group: Any, given: dict[str, Any], mixed: Any) -> None:
    """Let a group be launched from what was named last: a template, a mixed policy or a configuration."""
    if given.get("LaunchConfigurationName"):
        group.ec2_launch_template = None
    elif given.get("LaunchTemplate") or given.get("MixedInstancesPolicy"):
        group.launch_config = group.launch_configuration_name = None
    else:
        group.mixed_instances_policy = mixed  # moto takes it for removed


def _keep(call: Call) -> None:
    group = find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    for name in KEPT:
        if name in call.parameters:
            setattr(group, xform_name(name), call.parameters[name])


@operation(SERVICE, "SetDesiredCapacity")
def set_desired_capacity(call: Call) -> Response:
    """Set a group's capacity within its bounds."""
    group = find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    capacity, before = call.parameters["DesiredCapacity"], group.desired_capacity
    for beyond, side, bound in (
        (capacity > group.max_size, "above max", group.max_size),
        (capacity < group.min_size, "below min", group.min_size),
    ):
        if beyond:
            message = (
                f"New SetDesiredCapacity value {capacity} is {side} value {bound} for the AutoScalingGroup."
            )
            raise AwsError("ValidationError", message)
    response = call.ask_moto()
    if response.ok:
        cause = "a user request explicitly set group desired capacity changing the desired capacity"
        settle(call.cloud, f"{cause} from {before} to {capacity}")
    return response


@operation(SERVICE, "DeleteAutoScalingGroup")
def delete_group(call: Call) -> Response:
    """Delete a group; one with instances only if that is forced."""
    group = find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    if not call.parameters.get("ForceDelete") and group.instance_states:
        message = (
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
            "request(s) still in the group."
        )
        raise AwsError("ResourceInUse", message)
    for state in group.instance_states:
        state.protected_from_scale_in = False  # protection does not outlive the group
    group.suspended_processes = []
    response = call.ask_moto()
    if response.ok:
        forget_policies(call, group)
        forget_refreshes(call.cloud, group)
        call.cloud.store(Actions).by_group.pop(group.arn, None)
        settle(call.cloud, "a user request deleted the AutoScalingGroup")
        call.cloud.store(Notifications).by_group.pop(group.arn, None)
    return response


@operation(
    SERVICE,
    *("AttachInstances", "DetachInstances", "EnterStandby", "ExitStandby"),
    "TerminateInstanceInAutoScalingGroup",
)
def change_instances(call: Call) -> Response:
    """Change which instances a group has."""
    response = call.ask_moto()
    if response.ok:
        settle(call.cloud, "the group's instances were changed in response to a user request")
    return response


@operation(SERVICE, "ResumeProcesses")
def resume_processes(call: Call) -> Response:
    """Resume processes; what they left undone is done now."""
    response = call.ask_moto()
    if response.ok:
        group = find_group(call.cloud, call.parameters["AutoScalingGroupName"])
        group.set_desired_capacity(group.desired_capacity)
        settle(call.cloud, "processes were resumed in response to a user request")
    return response


@operation(SERVICE, "SetInstanceHealth")
def set_instance_health(call: Call) -> Response:
    """Set an instance's health; one that is unhealthy is replaced."""
    response = call.ask_moto()
    if response.ok and call.parameters["HealthStatus"] == "Unhealthy":
        backend_of(call.cloud).terminate_instance(call.parameters["InstanceId"], False)
        settle(call.cloud, "an instance was taken out of service in response to a user health-check")
    return response


@operation(SERVICE, "EnableMetricsCollection")
def enable_metrics_collection(call: Call) -> Response:
    """Publish metrics of a group each minute: those that are named, or all."""
    response = call.ask_moto()
    if response.ok and not call.parameters.get("Metrics"):
        find_group(call.cloud, call.parameters["AutoScalingGroupName"]).metrics = list(METRICS)
    return response


@operation(SERVICE, "DisableMetricsCollection")
def disable_metrics_collection(call: Call) -> dict[str, Any]:
    """Publish metrics of a group no more: those that are named, or all."""
    group, names = (
        find_group(call.cloud, call.parameters["AutoScalingGroupName"]),
        call.parameters.get("Metrics"),
    )
    group.metrics = [name for name in group.metrics if names and name not in names]
    return {}


def publish_groups(cloud: Cloud) -> None:
    """Publish the metrics of groups that want it, each minute, for as long as the cloud runs."""
    cloud.clock.every(MINUTE, lambda: _publish(cloud))


def _publish(cloud: Cloud) -> None:
    for group in groups_of(cloud):
        states = [state.lifecycle_state for state in group.instance_states]
        values = (
            *(group.min_size, group.max_size, group.desired_capacity),
            *(states.count("InService"), 0, states.count("Standby"), 0, len(states)),
        )
        chosen = {name: value for name, value in zip(METRICS, values, strict=True) if name in group.metrics}
        if chosen:
            dimensions = {"AutoScalingGroupName": group.name}
            cloudwatch_metrics.publish(cloud, "AWS/AutoScaling", dimensions, **chosen)
