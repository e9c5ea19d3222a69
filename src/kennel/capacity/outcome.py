"""What a simulation gave: percentiles of latency, queued and refused requests, instance-hours, dollars."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kennel.capacity.fleet import REFUSED

PERCENTILES = (50, 90, 95, 99, 99.9)
GIVEN_UP_SECONDS = 60.0  # SageMaker ends an invocation then
POINTS = 1440  # of a series at most: the minutes of a day
MINUTE = 60.0


@dataclass(frozen=True)
class Outcome:
    """What one way of serving a trace gave.

    Parameters
    ----------
    latency_ms
        Percentiles by name (``p50`` … ``p99.9``), ``mean`` and ``max``, of the answered requests.
    mean_wait_ms
        From the arrival of a request until it is worked on, of the answered ones.
    queued, refused, slow
        Requests that waited; that were refused; that took longer than SageMaker waits.
    instance_hours
        As billed; 0 where single requests are.
    dollars
        By what is billed, for the trace.
    """

    requests: int
    queued: int
    refused: int
    slow: int
    latency_ms: dict[str, float]
    mean_wait_ms: float
    instance_hours: float
    dollars: dict[str, float]

    @property
    def failed_percent(self) -> float:
        """Refused requests and those that took too long, of all."""
        return 100.0 * (self.refused + self.slow) / self.requests

    @property
    def total(self) -> float:
        """Dollars in all."""
        return sum(self.dollars.values())

    def as_dict(self) -> dict[str, Any]:
        """Return what the document shows."""
        return {
            "requests": self.requests,
            "queued": self.queued,
            "refused": self.refused,
            "slow": self.slow,
            "failed_percent": round(self.failed_percent, 4),
            "latency_ms": {name: round(value, 2) for name, value in self.latency_ms.items()},
            "mean_wait_ms": round(self.mean_wait_ms, 4),
            "instance_hours": round(self.instance_hours, 3),
            "dollars": {name: round(value, 4) for name, value in self.dollars.items()},
            "total_dollars": round(self.total, 4),
        }


@dataclass(frozen=True)
class Requests:
    """What became of each request.

    Parameters
    ----------
    arrivals, services, begun
        Seconds, a value a request; ``begun`` is `REFUSED` where it was refused.
    """

    arrivals: NDArray[np.float64]
    services: NDArray[np.float64]
    begun: NDArray[np.float64]

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Which ones were not refused."""
        answered: NDArray[np.bool_] = self.begun != REFUSED
        return answered

    def latencies(self) -> NDArray[np.float64]:
        """Return the seconds from arrival to answer of those that were not refused."""
        whole = self.begun + self.services - self.arrivals
        answered = self.answered
        return whole if answered.all() else whole[answered]

    def outcome(self, instance_hours: float, dollars: dict[str, float]) -> Outcome:
        """Return the figures of all requests."""
        latencies = self.latencies()
        count, worked = len(latencies), float(self.services[self.answered].sum())
        latencies.sort()
        values = {f"p{share:g}": 1000 * _rank(latencies, share) for share in PERCENTILES}
        mean = float(latencies.mean()) if count else 0.0
        return Outcome(
            requests=len(self.arrivals),
            queued=int(np.count_nonzero(self.begun > self.arrivals)),
            refused=len(self.arrivals) - count,
            slow=count - int(np.searchsorted(latencies, GIVEN_UP_SECONDS, "right")),
            latency_ms={**values, "mean": 1000 * mean, "max": 1000 * _rank(latencies, 100)},
            mean_wait_ms=1000 * (mean - worked / count) if count else 0.0,
            instance_hours=instance_hours,
            dollars=dollars,
        )

    def series(self, seconds: float) -> dict[str, Any]:
        """Return figures by time, for plots: at most `POINTS` points, each of whole minutes.

        Returns
        -------
        dict
            ``step`` in seconds; lists ``requests``, ``refused``, ``p50_ms`` and ``p99_ms`` (None where none
            was answered).
        """
        step = MINUTE * max(1, int(np.ceil(seconds / MINUTE / POINTS)))
        edges = np.arange(0.0, seconds, step)
        places = np.append(np.searchsorted(self.arrivals, edges), len(self.arrivals))
        result: dict[str, Any] = {"step": step, "requests": np.diff(places).tolist()}
        result |= {name: [] for name in ("refused", "p50_ms", "p99_ms")}
        for begin, end in pairwise(places.tolist()):
            part = Requests(self.arrivals[begin:end], self.services[begin:end], self.begun[begin:end])
            latencies = np.sort(part.latencies())
            result["refused"].append(end - begin - len(latencies))
            for name, share in (("p50_ms", 50), ("p99_ms", 99)):
                result[name].append(round(1000 * _rank(latencies, share), 2) if len(latencies) else None)
        return result


def _rank(ordered: NDArray[np.float64], percent: float) -> float:
    """Return a percentile of ascending values by the nearest rank; 0 of none."""
    if not len(ordered):
        return 0.0
    return float(ordered[max(0, int(np.ceil(percent / 100 * len(ordered))) - 1)])
