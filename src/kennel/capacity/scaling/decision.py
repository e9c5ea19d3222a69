"""What a policy decides: another capacity, or why it does not scale."""

from __future__ import annotations

from dataclasses import dataclass

# Reason codes of NotScaledReason:
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_NotScaledReason.html
FLAPPING = "AutoScalingAnticipatedFlapping"
UNSCALABLE = "TargetServicePutResourceAsUnscalable"
AT_MAXIMUM, AT_MINIMUM = "AlreadyAtMaxCapacity", "AlreadyAtMinCapacity"
AT_DESIRED = "AlreadyAtDesiredCapacity"


@dataclass(frozen=True)
class Decision:
    """Another capacity.

    Attributes
    ----------
    capacity
        The number of instances, or provisioned executions, to set.
    cause
        Why, in one sentence for people.
    """

    capacity: int
    cause: str


@dataclass(frozen=True)
class NotScaled:
    """A decision not to scale.

    Attributes
    ----------
    code
        AWS's reason code; empty where AWS has none: in a cooldown, or scale-in is disabled.
    cause
        Why, in one sentence for people.
    """

    code: str
    cause: str


def bounded(proposed: int, capacity: int, minimum: int, maximum: int, cause: str) -> Decision | NotScaled:
    """Return a proposed capacity within its bounds, or that the bounds leave nothing to do."""
    new = max(minimum, min(maximum, proposed))
    if new == capacity and proposed > capacity:
        return NotScaled(AT_MAXIMUM, f"{cause}; the maximum is {maximum}")
    if new == capacity and proposed < capacity:
        return NotScaled(AT_MINIMUM, f"{cause}; the minimum is {minimum}")
    if (new > capacity) != (proposed > capacity):  # outside its bounds now; a policy does not turn round
        code = AT_MAXIMUM if proposed > capacity else AT_MINIMUM
        return NotScaled(code, f"{cause}; the bounds are {minimum} and {maximum}")
    return Decision(new, cause)
