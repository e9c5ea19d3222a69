"""How a tuning job chooses its next trial: at random, from a grid, or where a Gaussian process hopes most.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kennel.localcloud.services.sagemaker.tuning.ranges import ChoiceRange, Space
from kennel.localcloud.services.sagemaker.tuning.surrogate import GaussianProcess

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)
CANDIDATES, NEIGHBOURS = 1000, 100


@dataclass(frozen=True)
class Tried:
    """A trial so far.

    Parameters
    ----------
    values
        Its hyperparameters.
    loss
        Its objective, the smaller the better; None while it runs; infinite if it has none and is over.
    """

    values: dict[str, str]
    loss: float | None


class RandomSearch:
    """Any point is as likely as any other.

    Parameters
    ----------
    space
        What to search.
    seed
        Of the same random numbers each time.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed

    def next(self, tried: Sequence[Tried]) -> dict[str, str] | None:
        """Return the hyperparameters of the next trial, if possible new ones; None if all are tried."""
        random = np.random.default_rng([self.seed, len(tried)])
        return self._first_new(random.random((20, len(self.space.ranges))), tried)

    def _first_new(self, points: np.ndarray, tried: Sequence[Tried]) -> dict[str, str]:
        chosen = [self.space.values(point.tolist()) for point in points]
        before = [one.values for one in tried]
        return next((values for values in chosen if values not in before), chosen[0])


class GridSearch:
    """Every combination of categorical hyperparameters once, as SageMaker's grids are."""

    def __init__(self, space: Space) -> None:
        choices = [one for one in space.ranges if isinstance(one, ChoiceRange)]
        names = [one.name for one in choices]
        products = itertools.product(*(one.values for one in choices))
        self.combinations = [dict(zip(names, values, strict=True)) for values in products]

    def next(self, tried: Sequence[Tried]) -> dict[str, str] | None:
        """Return the next combination; None after the last."""
        return self.combinations[len(tried)] if len(tried) < len(self.combinations) else None


class BayesianSearch(RandomSearch):
    """First points that fill the space evenly, then those where a Gaussian process expects most improvement.

    A trial that is still running counts with what the process expects of it, so that two at a time do not
    choose the same; one that failed counts as the worst, so that its neighbourhood is avoided.
    """

    def __init__(self, space: Space, seed: int) -> None:
        super().__init__(space, seed)
        self.first = max(4, len(space.ranges) + 1)
        self._shift = np.random.default_rng(seed).random(len(space.ranges))

    def next(self, tried: Sequence[Tried]) -> dict[str, str] | None:
        """Return the hyperparameters of the next trial."""
        known = [one for one in tried if one.loss is not None and math.isfinite(one.loss)]
        if len(tried) < self.first or len(known) < 2:
            return self._first_new(self._even(len(tried), 20), tried)
        random = np.random.default_rng([self.seed, len(tried)])
        over = [one for one in tried if one.loss is not None]
        coordinates = np.array([self.space.coordinates(one.values) for one in over])
        losses = _tamed(np.array([one.loss for one in over], float))
        process = GaussianProcess(coordinates, losses)
        running = [one for one in tried if one.loss is None]
        if running:
            process = process.believing(np.array([self.space.coordinates(one.values) for one in running]))
        return self._most_hopeful(process, float(losses.min()), known, tried, random)

    def _most_hopeful(
        self,
        process: GaussianProcess,
        best: float,
        known: Sequence[Tried],
        tried: Sequence[Tried],
        random: np.random.Generator,
    ) -> dict[str, str]:
        points = random.random((CANDIDATES, len(self.space.ranges)))
        hope = self._hope(points, process, best)
        for spread in (0.1, 0.03):  # then look closer round the most hopeful ones
            centres = points[np.argsort(-hope)[:5]]
            near = np.repeat(centres, NEIGHBOURS // 5, axis=0)
            # A few places change at a time: a categorical one moves only when it jumps.
            moved = random.random(near.shape) < 0.5
            jumps = np.where(random.random(near.shape) < 0.2, random.random(near.shape), near)
            near = np.where(moved, np.clip(jumps + spread * random.standard_normal(near.shape), 0, 1), near)
            points = np.concatenate([points, near])
            hope = np.concatenate([hope, self._hope(near, process, best)])
        return self._first_new(points[np.argsort(-hope, kind="stable")], tried)

    def _hope(self, points: np.ndarray, process: GaussianProcess, best: float) -> np.ndarray:
        coordinates = [self.space.coordinates(self.space.values(point)) for point in points.tolist()]
        return process.expected_improvement(np.array(coordinates), best)

    def _even(self, start: int, count: int) -> np.ndarray:
        """Return points of a Halton sequence, shifted by the seed (Cranley and Patterson's rotation)."""
        bases = [PRIMES[i % len(PRIMES)] for i in range(len(self.space.ranges))]
        points = [[_radical_inverse(i, base) for base in bases] for i in range(start + 1, start + 1 + count)]
        rotated: np.ndarray = (np.array(points) + self._shift) % 1.0
        return rotated


def _radical_inverse(number: int, base: int) -> float:
    """Return the digits of a number mirrored behind the point."""
    result, weight = 0.0, 1.0 / base
    while number:
        number, digit = divmod(number, base)
        result, weight = result + digit * weight, weight / base
    return result


def _tamed(losses: np.ndarray) -> np.ndarray:
    """Return losses, those far above the rest (a diverged training, a failed trial) drawn nearer.

    Otherwise one loss of 50 among losses of 0.5 hides every difference that matters.
    """
    finite = losses[np.isfinite(losses)]
    low, middle = finite.min(), np.median(finite)
    limit = middle + 2.0 * (middle - low) + 1e-12
    tamed: np.ndarray = np.minimum(np.where(np.isfinite(losses), losses, np.inf), limit)
    return tamed
