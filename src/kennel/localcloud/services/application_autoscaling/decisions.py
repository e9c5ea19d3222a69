"""What alarms lead to: Application Auto Scaling receives their actions, and decides once for each target.

With several policies in ALARM it scales out by the one with the largest capacity, and scales in only if all
target tracking policies that may scale in are ready to, again to the largest capacity.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from kennel.capacity.scaling import step_scaling, target_tracking
from kennel.capacity.scaling.alarms import ALARM
from kennel.capacity.scaling.decision import AT_MAXIMUM, AT_MINIMUM, Decision, NotScaled
from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.alarm_actions import AlarmAction, StateChange, receives
from kennel.localcloud.services.application_autoscaling import policy_settings, resources, scaler
from kennel.localcloud.services.application_autoscaling.policy_settings import TRACKING
from kennel.localcloud.services.application_autoscaling.resources import ScalingFailedError
from kennel.localcloud.services.application_autoscaling.state import (
    Activity,
    Key,
    Policy,
    Target,
    Turns,
    scaling_of,
    validation_error,
)
from kennel.localcloud.services.cloudwatch.alarm import alarms_of
from kennel.localcloud.services.cloudwatch.evaluation import newest_value

log = logging.getLogger(__name__)
_of_groups: list[AlarmAction] = []


def receives_for_groups(action: AlarmAction) -> AlarmAction:
    """Register what receives the actions of Auto Scaling groups' policies: their ARNs begin alike."""
    _of_groups.append(action)
    return action


@dataclass(frozen=True)
class Signal:
    """An alarm in ALARM that invoked a policy."""

    policy: Policy
    alarm: str
    value: float
    threshold: float


@dataclass
class Signals(TransientStore):
    """The signals that came at this moment and were not decided on, by target; `lock` guards them."""

    by_target: dict[Key, list[Signal]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


@receives("arn:aws:autoscaling:")
def invoke_policy(cloud: Cloud, arn: str, alarm: dict[str, Any], change: StateChange) -> None:
    """Receive an alarm's action; the decision follows once all alarms of the moment have been evaluated.

    Raises
    ------
    AwsError
        There is no such policy: the alarm's history shows it.
    """
    if ":autoScalingGroupName/" in arn:
        for action in _of_groups:
            action(cloud, arn, alarm, change)
        return
    target, policy = _find(cloud, arn)
    if change.new != ALARM or resources.kind_of(target.key) is None:
        return
    value = newest_value(cloud, alarm["AlarmName"])
    if value is None:
        return
    signals = cloud.store(Signals)
    signal = Signal(policy, alarm["AlarmName"], value, float(alarm["Threshold"]))
    with signals.lock:
        waiting = signals.by_target.setdefault(target.key, [])
        waiting.append(signal)
        first = len(waiting) == 1
    if first:
        cloud.clock.call_at(cloud.clock.time(), lambda: _decide(cloud, target.key))


def _find(cloud: Cloud, arn: str) -> tuple[Target, Policy]:
    scaling = scaling_of(cloud)
    with scaling.lock:
        for target in scaling.targets.values():
            for policy in target.policies.values():
                if policy.arn == arn:
                    return target, policy
    raise validation_error(f"No scaling policy found for the ARN {arn}")


def _decide(cloud: Cloud, key: Key) -> None:
    store = cloud.store(Signals)
    with store.lock:
        signals = store.by_target.pop(key, [])
    with cloud.store(Turns).lock:
        _carry_out(cloud, key, signals)


def _carry_out(cloud: Cloud, key: Key, signals: list[Signal]) -> None:
    target = scaling_of(cloud).targets.get(key)
    if target is None or not signals:
        return
    try:
        capacity = resources.find(cloud, key).capacity()
    except (AwsError, ScalingFailedError) as error:
        log.warning("the scalable target %s is gone: %s", key[1], error)
        return
    outcomes = [(signal, _weigh(cloud, target, signal, capacity)) for signal in signals]
    decisions = [(signal, outcome) for signal, outcome in outcomes if isinstance(outcome, Decision)]
    if not decisions:
        for signal, outcome in outcomes:
            if isinstance(outcome, NotScaled):
                _note_not_scaled(cloud, target, signal, outcome, capacity)
        return
    signal, decision = max(decisions, key=lambda each: each[1].capacity)
    scales_out = decision.capacity > capacity
    if target.suspended["DynamicScalingOutSuspended" if scales_out else "DynamicScalingInSuspended"]:
        return
    refusal = scaler.apply(
        cloud, target, decision, _cause(signal), _cooldown(target, signal.policy, scales_out)
    )
    if refusal:
        _note_not_scaled(cloud, target, signal, refusal, capacity)


def _weigh(cloud: Cloud, target: Target, signal: Signal, capacity: int) -> Decision | NotScaled:
    policy, now = signal.policy, cloud.clock.time()
    if policy.kind != TRACKING:
        settings = policy_settings.steps(target, policy)
        return step_scaling.weigh(settings, target.memory, signal.value, signal.threshold, capacity, now)
    outcome = target_tracking.weigh(
        policy_settings.tracking(target, policy.configuration), target.memory, signal.value, capacity, now
    )
    if isinstance(outcome, Decision) and outcome.capacity < capacity:
        waiting = _not_ready_to_scale_in(cloud, target, policy)
        if waiting:
            return NotScaled("", f"{waiting} is not ready to scale in")
    return outcome


def _not_ready_to_scale_in(cloud: Cloud, target: Target, policy: Policy) -> str:
    """Return the name of another target tracking policy that may scale in and is not ready to."""
    alarms = alarms_of(cloud).by_name
    for other in list(target.policies.values()):
        if other is policy or other.kind != TRACKING or other.configuration.get("DisableScaleIn"):
            continue
        low = alarms.get(other.alarms[-1]) if other.alarms else None
        if low is None or low.state != ALARM:
            return other.name
    return ""


def _cause(signal: Signal) -> str:
    return f"monitor alarm {signal.alarm} in state ALARM triggered policy {signal.policy.name}"


def _cooldown(target: Target, policy: Policy, scales_out: bool) -> float:
    if policy.kind != TRACKING:
        return policy_settings.steps(target, policy).cooldown
    settings = policy_settings.tracking(target, policy.configuration)
    return settings.scale_out_cooldown if scales_out else settings.scale_in_cooldown


def _note_not_scaled(cloud: Cloud, target: Target, signal: Signal, outcome: NotScaled, capacity: int) -> None:
    """Record a decision not to scale, once for as long as it stays the same."""
    if not outcome.code:
        return
    scaling, cause = scaling_of(cloud), _cause(signal)
    reason: dict[str, Any] = {"Code": outcome.code}
    if outcome.code == AT_MAXIMUM:
        reason["MaxCapacity"] = target.maximum
    elif outcome.code == AT_MINIMUM:
        reason["MinCapacity"] = target.minimum
    else:
        reason["CurrentCapacity"] = capacity
    with scaling.lock:
        last = next((each for each in reversed(scaling.activities) if each.key == target.key), None)
        if last and last.cause == cause and last.not_scaled == [reason]:
            return
        activity = Activity(
            target.key,
            cause,
            "Attempting to scale due to alarm triggered",
            cloud.clock.time(),
            status="Failed",
            not_scaled=[reason],
        )
        scaling.note(activity)
