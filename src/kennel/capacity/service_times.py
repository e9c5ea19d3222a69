"""How long an instance works on a request: a given distribution, or one that `bench.serving` measured."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kennel.capacity import CapacityError

P95 = 1.6448536269514722  # the 95th percentile of the standard normal distribution
PHOTO = "large"  # of those that bench.serving asks with


@dataclass(frozen=True)
class ServiceTimes:
    """The distribution of service times: a gamma distribution of this mean and coefficient of variation.

    With ``cv`` 1 it is the exponential one (then the queue is M/M/c), with ``cv`` 0 all are equal.

    Parameters
    ----------
    mean
        Seconds for which a request occupies a worker.
    cv
        Standard deviation over mean.
    """

    mean: float
    cv: float = 1.0

    def draw(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Return ``count`` service times in seconds."""
        if self.cv == 0:
            return np.full(count, self.mean)
        if self.cv == 1:
            return random.exponential(self.mean, count)
        return random.gamma(self.cv**-2, self.mean * self.cv**2, count)


@dataclass(frozen=True)
class Measured:
    """What a load test says about one instance.

    Parameters
    ----------
    target
        What was measured, as the document calls it.
    highest_rate
        Requests a second, the most of all numbers of clients.
    workers
        Requests that an instance works on at once.
    """

    target: str
    highest_rate: float
    workers: int
    times: ServiceTimes


def read(path: Path, runtime: str | None = None) -> Measured:
    """Return what ``bench.serving --json`` measured of a release.

    The mean service time is ``workers / highest_rate``: that of an instance whose workers all work, and
    thus share its cores. A single client's requests take less. The coefficient of variation is that of the
    lognormal distribution that has a single client's p50 and p95.

    Parameters
    ----------
    runtime
        Of the release, such as ``openvino-int8``; by default the first that was measured.

    Raises
    ------
    CapacityError
        The file is no such document, or holds no such release.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        figures = document["figures"][PHOTO]
        workers = int(document["cores"])
        releases = [name for name in figures if name.startswith("Kennel, ")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CapacityError(
            f"{path} is no document of bench.serving ({type(error).__name__}): write one with "
            f"./kennel bench.serving --json > {path.name}"
        ) from error
    target = f"Kennel, {runtime}" if runtime else next(iter(releases), "")
    if target not in releases:
        known = ", ".join(name.removeprefix("Kennel, ") for name in releases) or "no release"
        raise CapacityError(
            f"{path} has no measurement of {runtime or 'a release'}; it has {known}: use --runtime"
        )
    by_clients = figures[target]
    highest = max(float(figure["per_second"]) for figure in by_clients.values())
    alone = by_clients[min(by_clients, key=int)]
    sigma = math.log(max(1.0, alone["p95_ms"] / alone["p50_ms"])) / P95
    cv = math.sqrt(math.expm1(sigma**2))
    return Measured(target, highest, workers, ServiceTimes(workers / highest, round(cv, 4)))
