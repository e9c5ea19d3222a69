"""The scaling itself: capacities are set as the service, and followed until they serve."""

from __future__ import annotations

import logging

from kennel.capacity.scaling.decision import UNSCALABLE, Decision, NotScaled
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.application_autoscaling import resources, service_role
from kennel.localcloud.services.application_autoscaling.resources import (
    Resource,
    ScalingFailedError,
    UnscalableError,
)
from kennel.localcloud.services.application_autoscaling.state import (
    Activity,
    Key,
    Target,
    Turns,
    scaling_of,
)

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0  # by the cloud's clock, between two looks at a capacity that was set
RETRY_SECONDS = 10.0  # until a bound is enforced that the service did not take; AWS publishes no number


def enforce_bounds(cloud: Cloud, key: Key) -> None:
    """Bring a capacity that is outside a target's bounds to the nearer one.

    AWS does so when a target is registered, updated, or changed by a scheduled action. A service that does
    not take it now, such as an endpoint that is being updated, is asked again.
    """
    with cloud.store(Turns).lock:
        _enforce_bounds(cloud, key)


def _enforce_bounds(cloud: Cloud, key: Key) -> None:
    target = scaling_of(cloud).targets.get(key)
    kind = resources.kind_of(key)
    if target is None or kind is None:
        return
    try:
        resource = resources.find(cloud, key)
        capacity = resource.capacity()
    except (AwsError, ScalingFailedError):
        return  # it is gone
    bounded = max(target.minimum, min(target.maximum, capacity))
    if bounded == capacity:
        return
    side = "minimum" if bounded > capacity else "maximum"
    try:
        _set(
            cloud, target, resource, Activity(key, f"{side} capacity was set to {bounded}", "", 0.0, bounded)
        )
    except UnscalableError:
        cloud.clock.call_at(cloud.clock.time() + RETRY_SECONDS, lambda: enforce_bounds(cloud, key))


def apply(cloud: Cloud, target: Target, decision: Decision, cause: str, cooldown: float) -> NotScaled | None:
    """Set a capacity that a policy decided on.

    Parameters
    ----------
    cause
        In AWS's words, for the activity.
    cooldown
        Seconds, of the policy.

    Returns
    -------
    Why it was not set, or None.
    """
    try:
        resource = resources.find(cloud, target.key)
        before = resource.capacity()
    except (AwsError, ScalingFailedError) as error:
        return NotScaled(UNSCALABLE, str(error))
    activity = Activity(target.key, cause, "", 0.0, decision.capacity, by_policy=True)
    try:
        _set(cloud, target, resource, activity)
    except UnscalableError as error:
        return NotScaled(UNSCALABLE, str(error))
    if activity.under_way:
        target.memory.began(before, decision.capacity, cooldown, cloud.clock.time())
    return None


def _set(cloud: Cloud, target: Target, resource: Resource, activity: Activity) -> None:
    """Set an activity's capacity and record the activity; one under way is overridden by it.

    Raises
    ------
    UnscalableError
        The service does not take it now: nothing is recorded.
    """
    kind, now, scaling = resources.kind_of(target.key), cloud.clock.time(), scaling_of(cloud)
    assert kind is not None
    what = f"{kind.noun} to {activity.capacity}"
    activity.started, activity.description = now, f"Setting {what}."
    assert activity.capacity is not None
    earlier = scaling.under_way(target.key)
    try:
        resource.scale(activity.capacity)
    except ScalingFailedError as error:
        service_role.record(cloud, target.key, activity.capacity, taken=False)
        activity.end("Failed", f"Failed to set {what}. Reason: {error}", now)
        scaling.note(activity)
        cloud.changes.note()
        return
    service_role.record(cloud, target.key, activity.capacity, taken=True)
    if earlier:
        earlier.end("Overridden", "The desired capacity was updated by a newer scaling event.", now)
        if earlier.by_policy:
            target.memory.completed(now)  # its own end is not watched any more
    activity.status = "InProgress"
    activity.message = f"Successfully set {what}. Waiting for change to be fulfilled by {target.key[0]}."
    scaling.note(activity)
    cloud.changes.note()
    watch(cloud, activity)


def watch(cloud: Cloud, activity: Activity) -> None:
    """Look again and again, by the cloud's clock, whether an activity's capacity serves."""
    cloud.clock.call_at(cloud.clock.time() + POLL_SECONDS, lambda: _look(cloud, activity))


def _look(cloud: Cloud, activity: Activity) -> None:
    with cloud.store(Turns).lock:
        _follow(cloud, activity)


def _follow(cloud: Cloud, activity: Activity) -> None:
    if not activity.under_way or activity.capacity is None:
        return
    kind = resources.kind_of(activity.key)
    assert kind is not None
    target, now = scaling_of(cloud).targets.get(activity.key), cloud.clock.time()
    what, service = f"{kind.noun} to {activity.capacity}", activity.key[0]
    try:
        if not resources.find(cloud, activity.key).settled(activity.capacity):
            watch(cloud, activity)
            return
        activity.end(
            "Successful", f"Successfully set {what}. Change successfully fulfilled by {service}.", now
        )
        if target and activity.by_policy:
            target.memory.completed(now)
    except (AwsError, ScalingFailedError) as error:
        reason = error.message if isinstance(error, AwsError) else str(error)
        activity.end(
            "Unfulfilled", f"Successfully set {what}. Change was not fulfilled by {service}: {reason}", now
        )
        if target and activity.by_policy:
            target.memory.failed()
    cloud.changes.note()
