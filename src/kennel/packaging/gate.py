"""What a graph must pass to be released. Sets too small for a limit get what chance allows, and say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

GRAPH_LIMIT = 1e-3
"""How much a logit of the fp32 graph may differ from the eager network's."""
AGREEMENT = 0.99
"""The least share of photos for which int8 and fp32 name the same class."""
LOST_TOP_1 = 0.001
"""The most that top-1 may fall, as a share: 0.1 points."""
CHANCE = 0.05
"""What happens less often than this is not called chance."""


@dataclass(frozen=True)
class Comparison:
    """The most probable classes of the fp32 graph and of another one, for the same photos.

    Parameters
    ----------
    fp32, int8
        The most probable class of each photo.
    labels
        The right class of each photo, -1 where it is not known.
    """

    fp32: np.ndarray
    int8: np.ndarray
    labels: np.ndarray

    @property
    def photos(self) -> int:
        """The number of photos."""
        return len(self.fp32)

    @property
    def disagreements(self) -> int:
        """For how many photos the answers differ."""
        return int((self.fp32 != self.int8).sum())

    @property
    def disagreements_allowed(self) -> int:
        """The whole photos in 1 %; of fewer than 100 photos, what chance makes of 1 %."""
        share = 1 - AGREEMENT
        if self.photos * share >= 1:
            return int(self.photos * share + 1e-9)
        return most_by_chance(self.photos, share)

    @property
    def labelled(self) -> int:
        """For how many photos the right class is known."""
        return int((self.labels >= 0).sum())

    def top_1(self, answers: np.ndarray) -> float | None:
        """Return the share of labelled photos that answers name rightly; None without such photos."""
        known = self.labels >= 0
        return float((answers[known] == self.labels[known]).mean()) if known.any() else None

    @property
    def lost(self) -> int:
        """How many photos fewer int8 names rightly than fp32; negative if it names more."""
        known = self.labels >= 0
        right = [int((answers[known] == self.labels[known]).sum()) for answers in (self.fp32, self.int8)]
        return right[0] - right[1]

    @property
    def lost_allowed(self) -> int:
        """The whole photos in 0.1 %; of fewer than 1,000, what chance makes of photos on the edge.

        Those are the photos for which one of the two is right and the other is not. If both are as good, each
        of them falls to either side alike (the sign test).
        """
        if self.labelled * LOST_TOP_1 >= 1:
            return int(self.labelled * LOST_TOP_1 + 1e-9)
        known = self.labels >= 0
        one_right = (self.fp32[known] == self.labels[known]) != (self.int8[known] == self.labels[known])
        edge = int(one_right.sum())
        return max(0, 2 * most_by_chance(edge, 0.5) - edge)

    @property
    def passed(self) -> bool:
        """Whether int8 may serve in place of fp32."""
        return self.disagreements <= self.disagreements_allowed and self.lost <= self.lost_allowed

    @property
    def small_set(self) -> str | None:
        """What a small set means for the limits; None if they can be expressed in whole photos."""
        if self.labelled * LOST_TOP_1 >= 1:
            return None
        return (
            f"{self.photos} photos are too few to measure 0.1 points: "
            f"{self.disagreements_allowed} may get another answer and {self.lost_allowed} may be lost, "
            f"as chance allows ({CHANCE:.0%})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        return {
            "photos": self.photos,
            "labelled": self.labelled,
            "agreement": 1 - self.disagreements / self.photos,
            "disagreements": self.disagreements,
            "disagreements_allowed": self.disagreements_allowed,
            "top1": self.top_1(self.int8),
            "top1_fp32": self.top_1(self.fp32),
            "lost": self.lost,
            "lost_allowed": self.lost_allowed,
            "small_set": self.small_set,
            "passed": self.passed,
        }


def most_by_chance(trials: int, probability: float) -> int:
    """Return the most successes k of a binomial distribution with P(X >= k) of at least `CHANCE`."""
    from math import comb

    at_least = 0.0
    for successes in range(trials, 0, -1):
        at_least += (
            comb(trials, successes) * probability**successes * (1 - probability) ** (trials - successes)
        )
        if at_least >= CHANCE:
            return successes
    return 0
