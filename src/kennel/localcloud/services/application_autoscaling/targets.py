"""Scalable targets: registered, described, deregistered, tagged."""

from __future__ import annotations

import uuid
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.services.application_autoscaling import (
    permissions,
    policies,
    resources,
    scaler,
    scheduled,
    service_role,
)
from kennel.localcloud.services.application_autoscaling.listing import matches, page
from kennel.localcloud.services.application_autoscaling.state import (
    SERVICE,
    Key,
    Target,
    Turns,
    find_target,
    key_of,
    scaling_of,
    timestamp,
    validation_error,
)
from kennel.localcloud.services.tag_store import tags_of

PROCESSES = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@operation(SERVICE, "RegisterScalableTarget")
def register_scalable_target(call: Call) -> dict[str, Any]:
    """Register a target or change its settings; a capacity outside the bounds is brought within them."""
    key = key_of(call.parameters)
    _check_resource(call, key)
    with call.cloud.store(Turns).lock:
        target = _registered(call, key)
        scaler.enforce_bounds(call.cloud, key)
    return {"ScalableTargetARN": target.arn}


def _registered(call: Call, key: Key) -> Target:
    """Return the target that a call registers, with the settings that it names."""
    parameters, scaling = call.parameters, scaling_of(call.cloud)
    with scaling.lock:
        target = scaling.targets.get(key)
        minimum = _bound(parameters.get("MinCapacity"), target.minimum if target else None)
        maximum = _bound(parameters.get("MaxCapacity"), target.maximum if target else None)
        check_bounds(minimum, maximum)
        if target is None:
            arn = call.arn(f"scalable-target/{uuid.uuid4().hex}")
            target = Target(
                key, arn, call.cloud.clock.time(), minimum, maximum, dict.fromkeys(PROCESSES, False)
            )
            scaling.targets[key] = target
        target.minimum, target.maximum = minimum, maximum
        target.suspended = {
            name: bool((parameters.get("SuspendedState") or {}).get(name, target.suspended[name]))
            for name in PROCESSES
        }
    tags_of(call, target.arn).update(parameters.get("Tags") or {})
    return target


def _check_resource(call: Call, key: Key) -> None:
    """Refuse what does not exist; targets of services that nothing scales here are kept as they are."""
    namespace, _, dimension = key
    if not dimension.startswith(f"{namespace}:"):
        raise validation_error("Unsupported service namespace, resource type or scalable dimension")
    if resources.kind_of(key):
        resources.find(call.cloud, key)
        permissions.check_target(call, key)
    elif namespace in {served for served, _ in resources.KINDS}:
        raise validation_error(
            f"The local cloud does not scale {dimension}: it scales "
            f"{', '.join(sorted(known for _, known in resources.KINDS))}."
        )


def _bound(given: int | None, before: int | None) -> int:
    value = before if given is None else given
    if value is None:
        raise validation_error("MinCapacity and MaxCapacity are required to register a new scalable target")
    return int(value)


def check_bounds(minimum: int, maximum: int) -> None:
    """Check a target's bounds.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    if minimum < 0 or maximum < 0:
        raise validation_error("Capacity must not be negative")
    if minimum > maximum:
        raise validation_error("Maximum capacity cannot be less than minimum capacity")


@operation(SERVICE, "DescribeScalableTargets")
def describe_scalable_targets(call: Call) -> dict[str, Any]:
    """Describe the targets of a service."""
    with scaling_of(call.cloud).lock:
        targets = [target for key, target in scaling_of(call.cloud).targets.items() if matches(call, key)]
        return page(call, "ScalableTargets", [_describe(call, target) for target in targets])


def _describe(call: Call, target: Target) -> dict[str, Any]:
    return {
        **target.members,
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": service_role.arn_of(call.account, target.key),
        "CreationTime": timestamp(target.created),
        "SuspendedState": dict(target.suspended),
        "ScalableTargetARN": target.arn,
    }


@operation(SERVICE, "DeregisterScalableTarget")
def deregister_scalable_target(call: Call) -> dict[str, Any]:
    """Remove a target, with its policies, their alarms, and its scheduled actions."""
    target = find_target(call)
    for policy in list(target.policies.values()):
        policies.delete_alarms(call, policy)
    with call.cloud.store(Turns).lock, scaling_of(call.cloud).lock:
        scaling_of(call.cloud).targets.pop(target.key, None)
    scheduled.forget(call.cloud, target)
    tags_of(call, target.arn).clear()
    return {}


@operation(SERVICE, "ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    """Return a target's tags."""
    return {"Tags": tags_of(call, call.parameters["ResourceARN"])}


@operation(SERVICE, "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags to a target."""
    tags_of(call, call.parameters["ResourceARN"]).update(call.parameters["Tags"])
    return {}


@operation(SERVICE, "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    """Remove tags from a target."""
    tags = tags_of(call, call.parameters["ResourceARN"])
    for key in call.parameters["TagKeys"]:
        tags.pop(key, None)
    return {}
