"""Cooldowns: what a scalable target remembers of its last scaling by a policy.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Memory:
    """The last scaling activity that a policy started, and its cooldown. One for each scalable target.

    The cooldown begins when the activity has completed; until then it is in effect. Scheduled actions and
    changes of the bounds neither wait for it nor begin one.

    Attributes
    ----------
    scaled_out
        Whether the activity added capacity.
    base
        The capacity before it; a further scale-out within the cooldown is counted from there.
    cooldown, until
        Its length in seconds, and when it ends (infinity while the activity is under way).
    """

    scaled_out: bool = False
    base: int = 0
    cooldown: float = 0.0
    until: float = -math.inf

    @property
    def under_way(self) -> bool:
        """Whether an activity has begun and not completed."""
        return self.until == math.inf

    def scale_out_base(self, capacity: int, now: float) -> int:
        """Return the capacity that a scale-out is computed from.

        During a scale-out's cooldown "the capacity added by the initiating scale-out activity is calculated
        as part of the desired capacity for the next scale-out activity": the metric may not show it yet.
        """
        return min(self.base, capacity) if self.scaled_out and now < self.until else capacity

    def blocks_scale_in(self, now: float) -> bool:
        """Whether a scale-in's cooldown is in effect, which blocks further ones."""
        return not self.scaled_out and now < self.until

    def began(self, before: int, after: int, cooldown: float, now: float) -> None:
        """Note that a policy started to change the capacity.

        A larger scale-out within a cooldown begins a new one and keeps the base. A scale-out ends a
        scale-in's cooldown.
        """
        self.base = self.scale_out_base(before, now) if after > before else before
        self.scaled_out, self.cooldown, self.until = after > before, cooldown, math.inf

    def completed(self, now: float) -> None:
        """Note that the activity has completed: its cooldown begins."""
        if self.under_way:
            self.until = now + self.cooldown

    def failed(self) -> None:
        """Note that the activity failed: it has no cooldown ("after it successfully scales out")."""
        self.until = -math.inf
