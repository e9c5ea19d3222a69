"""Target tracking: its two alarms, and the capacity that brings the metric back to the target.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kennel.capacity.scaling.alarms import AlarmRule
from kennel.capacity.scaling.cooldowns import Memory
from kennel.capacity.scaling.decision import AT_MINIMUM, FLAPPING, Decision, NotScaled, bounded

# The alarms that Application Auto Scaling creates: over the target for 3 datapoints; for 15 under nine tenths
# of it, "63% (90 percent of the 70% target)".
# https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
HIGH_PERIODS, LOW_PERIODS, LOW_SHARE = 3, 15, 0.9
PERIOD, HIGH_RESOLUTION_PERIOD = 60, 10
DEFAULT_COOLDOWN = 300.0  # of endpoint variants; provisioned concurrency has 0
_TOLERANCE = 1e-9  # floating-point error must not add an instance: 3 * (100 / 0.1) / 1000 is 3


@dataclass(frozen=True)
class TargetTracking:
    """A target tracking policy of one scalable target.

    Attributes
    ----------
    target
        The metric's target value, per unit of capacity.
    minimum, maximum
        The bounds of the scalable target.
    scale_out_cooldown, scale_in_cooldown
        Seconds.
    scale_in
        False if scale-in is disabled.
    high_resolution
        Whether the metric has a datapoint every 10 seconds.
    """

    target: float
    minimum: int
    maximum: int
    scale_out_cooldown: float = DEFAULT_COOLDOWN
    scale_in_cooldown: float = DEFAULT_COOLDOWN
    scale_in: bool = True
    high_resolution: bool = False

    @property
    def high_alarm(self) -> AlarmRule:
        """The alarm that scales out: three datapoints over the target."""
        period = HIGH_RESOLUTION_PERIOD if self.high_resolution else PERIOD
        return AlarmRule("GreaterThanThreshold", self.target, period, HIGH_PERIODS)

    @property
    def low_alarm(self) -> AlarmRule:
        """The alarm that scales in: fifteen minutes of datapoints under nine tenths of the target."""
        period = HIGH_RESOLUTION_PERIOD if self.high_resolution else PERIOD
        threshold = float(f"{self.target * LOW_SHARE:.12g}")  # 70 * 0.9 is 63, not 63.00000000000001
        return AlarmRule("LessThanThreshold", threshold, period, LOW_PERIODS * PERIOD // period)


def weigh(
    policy: TargetTracking, memory: Memory, value: float, capacity: int, now: float
) -> Decision | NotScaled:
    """Decide what one of the policy's alarms in ALARM leads to.

    Capacity is proportional to the metric and rounded up, scaling out and in: AWS "acts conservatively by
    rounding up or down", which "prevents it from adding insufficient capacity or removing too much capacity".

    Parameters
    ----------
    policy, memory
        The policy, and the memory of its scalable target.
    value
        The newest datapoint of the metric.
    capacity
        The capacity that is desired now.
    now
        Seconds since the epoch.
    """
    if value > policy.target:
        return _out(policy, memory, value, capacity, now)
    if policy.low_alarm.breaches(value):
        return _in(policy, memory, value, capacity, now)
    return NotScaled("", f"{value:g} is close to the target {policy.target:g}")


def decide(
    policy: TargetTracking, memory: Memory, value: float, capacity: int, now: float
) -> Decision | None:
    """Return `weigh`'s decision if it is another capacity, else None."""
    outcome = weigh(policy, memory, value, capacity, now)
    return outcome if isinstance(outcome, Decision) else None


def _proportional(capacity: int, value: float, target: float) -> int:
    exact = capacity * value / target
    return math.ceil(exact - _TOLERANCE * max(1.0, exact))


def _out(
    policy: TargetTracking, memory: Memory, value: float, capacity: int, now: float
) -> Decision | NotScaled:
    # Without capacity the metric is that of all the work that waits, as one instance would have it.
    base = max(1, memory.scale_out_base(capacity, now))
    proposed = _proportional(base, value, policy.target)
    cause = f"{value:g} is over the target {policy.target:g}: {proposed} from {base}"
    if proposed <= capacity:
        return NotScaled("", f"{cause}, no more than the {capacity} that the cooldown waits for")
    return bounded(proposed, capacity, policy.minimum, policy.maximum, cause)


def _in(
    policy: TargetTracking, memory: Memory, value: float, capacity: int, now: float
) -> Decision | NotScaled:
    proposed = _proportional(capacity, value, policy.target)
    cause = f"{value:g} is under nine tenths of the target {policy.target:g}: {proposed} from {capacity}"
    if not policy.scale_in:
        return NotScaled("", f"{cause}, but scale-in is disabled")
    if memory.blocks_scale_in(now):
        return NotScaled("", f"{cause}, but the cooldown of a scale-in is in effect")
    if not capacity:
        return NotScaled(AT_MINIMUM, f"{cause}: there is nothing to scale in")
    if proposed >= capacity:
        return NotScaled(FLAPPING, f"{cause}: with one less the metric would be over the target")
    return bounded(proposed, capacity, policy.minimum, policy.maximum, cause)
