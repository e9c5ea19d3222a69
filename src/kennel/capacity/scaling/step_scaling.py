"""Step scaling: adjustments by how far the metric is beyond the alarm's threshold.

https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from kennel.capacity.scaling.cooldowns import Memory
from kennel.capacity.scaling.decision import AT_DESIRED, Decision, NotScaled, bounded

CHANGE, PERCENT, EXACT = "ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"
ADJUSTMENT_TYPES = (CHANGE, PERCENT, EXACT)


class StepError(ValueError):
    """Step adjustments that AWS refuses; the text says why."""


@dataclass(frozen=True)
class Step:
    """One step adjustment.

    Attributes
    ----------
    lower, upper
        Bounds of the difference between the metric and the threshold; infinite where AWS has none.
    adjustment
        Units of capacity, per cent, or the exact capacity.
    """

    lower: float
    upper: float
    adjustment: int


@dataclass(frozen=True)
class StepScaling:
    """A step scaling policy of one scalable target.

    Attributes
    ----------
    adjustment_type
        One of `ADJUSTMENT_TYPES`.
    steps
        The step adjustments; `check_steps` says what they must fulfil.
    minimum, maximum
        The bounds of the scalable target.
    cooldown
        Seconds.
    minimum_magnitude
        By how much a percentage changes the capacity at least.
    """

    adjustment_type: str
    steps: tuple[Step, ...]
    minimum: int
    maximum: int
    cooldown: float = 300.0
    minimum_magnitude: int = 0


def check_steps(steps: Sequence[Step], adjustment_type: str) -> None:
    """Check step adjustments by the rules of AWS.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html

    Raises
    ------
    StepError
        They overlap, have a gap, leave one side open, or have no bound at all.
    """
    if not steps:
        raise StepError("At least one StepAdjustment must be specified")
    ordered = sorted(steps, key=lambda step: step.lower)
    for step in ordered:
        if math.isinf(step.lower) and math.isinf(step.upper):
            raise StepError("At least one of the lower and the upper bound of a step adjustment is required")
        if step.lower >= step.upper:
            raise StepError("The lower bound of a step adjustment must be less than its upper bound")
        if adjustment_type == EXACT and step.adjustment < 0:
            raise StepError("The scaling adjustment of ExactCapacity must not be negative")
    for one, other in itertools.pairwise(ordered):
        if one.upper > other.lower:
            raise StepError("Step adjustment intervals can't overlap")
        if one.upper < other.lower:
            raise StepError("Step adjustment intervals can't have gaps between them")
    if ordered[0].lower < 0 and not math.isinf(ordered[0].lower):
        raise StepError(
            "There must be a step adjustment with an unspecified lower bound when one is negative"
        )
    if ordered[-1].upper > 0 and not math.isinf(ordered[-1].upper):
        raise StepError(
            "There must be a step adjustment with an unspecified upper bound when one is positive"
        )


def find_step(steps: Sequence[Step], difference: float) -> Step | None:
    """Return the step for the metric's difference from the threshold, or None.

    At and above the threshold the lower bound is inclusive and the upper exclusive; below it is the reverse.
    """
    for step in steps:
        if difference >= 0 and step.lower <= difference < step.upper:
            return step
        if difference < 0 and step.lower < difference <= step.upper:
            return step
    return None


def weigh(
    policy: StepScaling, memory: Memory, value: float, threshold: float, capacity: int, now: float
) -> Decision | NotScaled:
    """Decide what an alarm in ALARM leads to.

    Parameters
    ----------
    policy, memory
        The policy, and the memory of its scalable target.
    value, threshold
        The newest datapoint of the alarm's metric, and the alarm's threshold.
    capacity
        The capacity that is desired now.
    now
        Seconds since the epoch.
    """
    step = find_step(policy.steps, value - threshold)
    if step is None:
        return NotScaled(AT_DESIRED, f"{value:g} is in no step of the policy")
    scales_in = adjusted(policy, step, capacity) < capacity
    if scales_in and memory.blocks_scale_in(now):
        return NotScaled("", f"{value:g} scales in, but the cooldown of a scale-in is in effect")
    base = capacity if scales_in else memory.scale_out_base(capacity, now)
    proposed = adjusted(policy, step, base)
    cause = f"{value:g} with the threshold {threshold:g}: {proposed} from {base}"
    if proposed == capacity or (not scales_in and proposed < capacity):
        return NotScaled(AT_DESIRED, cause)
    return bounded(proposed, capacity, policy.minimum, policy.maximum, cause)


def adjusted(policy: StepScaling, step: Step, capacity: int) -> int:
    """Return the capacity after a step adjustment, not yet within the bounds.

    Percentages are rounded towards zero, but a change smaller than 1 counts as 1.
    """
    if policy.adjustment_type == EXACT:
        return step.adjustment
    if policy.adjustment_type == CHANGE:
        return capacity + step.adjustment
    exact = abs(capacity * step.adjustment) / 100
    magnitude = max(math.floor(exact), policy.minimum_magnitude, 1 if exact else 0)
    return capacity + (magnitude if step.adjustment > 0 else -magnitude) * bool(step.adjustment)
