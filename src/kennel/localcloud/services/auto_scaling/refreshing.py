"""What an instance refresh does, by the cloud's clock: batches, checkpoints, and waiting.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.moto_adapter.patches import auto_scaling as launches
from kennel.localcloud.services.auto_scaling.activities import backend_of, groups_of, settle

ACTIVE = ("Pending", "InProgress", "Cancelling", "Baking")
SUSPENDED_SECONDS = 60.0  # until suspended processes are looked at again
PATIENCE = 3600.0  # how long AWS waits for protected instances and those in standby


@dataclass
class Refresh:
    """A refresh.

    Attributes
    ----------
    preferences, desired
        What it was started with, with the defaults of AWS; the desired configuration, or nothing.
    left, total
        The instances that are still to be replaced; how many they were.
    resume
        When it goes on, in seconds since the epoch.
    """

    name: str
    group: str
    began: float
    preferences: dict[str, Any]
    desired: dict[str, Any]
    left: list[str]
    total: int
    resume: float
    status: str = "Pending"
    reason: str = ""
    ended: float | None = None
    percentage: int = 0
    waits_since: float | None = None
    passed: list[int] = field(default_factory=list)


@dataclass
class Refreshes(KeptStore):
    """The refreshes of a region's groups by the groups' ARNs, the oldest first."""

    by_group: dict[str, list[Refresh]] = field(default_factory=dict)


@contextmanager
def launching_from(group: Any, desired: dict[str, Any]) -> Iterator[None]:
    """Let a group launch from a desired configuration meanwhile."""
    before = launches.origin(group)
    try:
        if desired:
            launches.set_origin(group, desired.get("LaunchTemplate"), desired.get("MixedInstancesPolicy"))
        yield
    finally:
        vars(group).update(before)


def keep_refreshing(cloud: Cloud) -> None:
    """Go on with the refreshes that were under way when the cloud was stopped."""
    for arn, refreshes in cloud.store(Refreshes).by_group.items():
        for refresh in refreshes:
            if refresh.status in ACTIVE:
                go_on_later(cloud, arn, refresh)


def forget_refreshes(cloud: Cloud, group: Any) -> None:
    """Forget the refreshes of a group that goes."""
    cloud.store(Refreshes).by_group.pop(group.arn, None)


def go_on_later(cloud: Cloud, arn: str, refresh: Refresh) -> None:
    """Let a refresh go on when it is due."""
    cloud.clock.call_at(refresh.resume, partial(_go_on, cloud, arn, refresh))


def _go_on(cloud: Cloud, arn: str, refresh: Refresh) -> None:
    group = next((each for each in groups_of(cloud) if each.arn == arn), None)
    if group is None or refresh.status not in ACTIVE:
        return
    with cloud.changes.call():
        _step(cloud, group, refresh)
        cloud.changes.note()
    if refresh.status in ACTIVE:
        go_on_later(cloud, arn, refresh)


def _step(cloud: Cloud, group: Any, refresh: Refresh) -> None:
    """Take what was launched for ready, and replace the next instances, or end."""
    present = {state.instance.id: state for state in group.instance_states}
    refresh.left = [name for name in refresh.left if name in present]
    kept, now = refresh.preferences, cloud.clock.time()
    done = refresh.total - len(refresh.left)
    refresh.percentage = done * 100 // refresh.total if refresh.total else 100
    if refresh.status == "Cancelling":
        end(cloud, refresh, "Cancelled")
        return
    if not refresh.left:
        _complete(cloud, group, refresh)
        return
    refresh.status = "InProgress"
    if any(launches.is_suspended(group, process) for process in ("Launch", "Terminate")):
        refresh.resume, refresh.reason = now + SUSPENDED_SECONDS, "Launch or Terminate is suspended."
        return
    checkpoint = _reached(refresh)
    if checkpoint is not None:
        refresh.passed.append(checkpoint)
        refresh.resume, refresh.reason = now + kept["CheckpointDelay"], f"Checkpoint {checkpoint}% reached."
        return
    ready = [name for name in refresh.left if not _waited_for(present[name], kept)]
    if not ready:
        _wait(cloud, refresh, now)
        return
    refresh.waits_since = None
    _replace(cloud, group, refresh, ready)


def _reached(refresh: Refresh) -> int | None:
    checkpoints = refresh.preferences.get("CheckpointPercentages") or []
    due = [each for each in checkpoints if each <= refresh.percentage and each not in refresh.passed]
    refresh.passed += due[:-1]
    return due[-1] if due else None


def _wait(cloud: Cloud, refresh: Refresh, now: float) -> None:
    """Wait for protected instances and those in standby, for an hour."""
    refresh.reason = f"Waiting for instances that are protected or in standby: {', '.join(refresh.left)}."
    if refresh.waits_since is None:
        refresh.waits_since = now
    refresh.resume = now + SUSPENDED_SECONDS
    if now - refresh.waits_since >= PATIENCE:
        end(cloud, refresh, "Failed")


def _replace(cloud: Cloud, group: Any, refresh: Refresh, ready: list[str]) -> None:
    """Replace as many instances as leave the group healthy, one at least."""
    kept, size = refresh.preferences, len(group.instance_states)
    spare = kept["MaxHealthyPercentage"] - kept["MinHealthyPercentage"]
    names = ready[: max(1, size * spare // 100)]
    with cloud.lock, launching_from(group, refresh.desired):
        for name in names:
            backend_of(cloud).terminate_instance(name, False)
    settle(cloud, "an instance was taken out of service in response to an instance refresh")
    refresh.left = [name for name in refresh.left if name not in names]
    launched = group.instance_states[-1].instance.id
    refresh.reason = f"Waiting for remaining instances to be available. For example: {launched}"
    refresh.resume = cloud.clock.time() + kept["InstanceWarmup"]


def _complete(cloud: Cloud, group: Any, refresh: Refresh) -> None:
    bake = refresh.preferences.get("BakeTime") or 0
    if bake and refresh.status != "Baking":
        refresh.status, refresh.resume = "Baking", cloud.clock.time() + bake
        return
    if refresh.desired:
        launches.set_origin(
            group, refresh.desired.get("LaunchTemplate"), refresh.desired.get("MixedInstancesPolicy")
        )
    end(cloud, refresh, "Successful")


def end(cloud: Cloud, refresh: Refresh, status: str) -> None:
    """End a refresh with a status."""
    refresh.status, refresh.ended = status, cloud.clock.time()
    if status == "Successful":
        refresh.reason, refresh.percentage = "", 100


def _waited_for(state: Any, kept: dict[str, Any]) -> bool:
    protected = state.protected_from_scale_in and kept["ScaleInProtectedInstances"] == "Wait"
    return protected or (state.lifecycle_state == "Standby" and kept["StandbyInstances"] == "Wait")
