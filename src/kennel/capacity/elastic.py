"""Environments that come and go with single requests: a Lambda function, or a serverless endpoint."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from kennel.capacity.fleet import REFUSED


@dataclass(frozen=True)
class Elastic:
    """How environments come and go.

    Parameters
    ----------
    limit
        Requests at once; what comes then is refused.
    cold_start
        Seconds by which a request is served later if no environment is idle.
    idle
        Seconds for which an idle environment is kept. AWS does not publish how long that is.
    """

    limit: int
    cold_start: float
    idle: float = 600.0


def serve(
    settings: Elastic, arrivals: NDArray[np.float64], services: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """Return when each request begins or `REFUSED`, and the number of cold starts.

    Each environment works on one request. The one that became idle last is used first, so that the others can
    end; AWS does not publish which one it takes.
    """
    begun: list[float] = []
    busy: list[float] = []  # a heap of when they become idle
    idle: deque[float] = deque()  # since when, ascending
    cold = 0
    limit, kept, cold_start = settings.limit, settings.idle, settings.cold_start
    for arrival, service in zip(arrivals.tolist(), services.tolist(), strict=True):
        while busy and busy[0] <= arrival:
            idle.append(heappop(busy))
        while idle and idle[0] < arrival - kept:
            idle.popleft()
        begin = arrival
        if idle:
            idle.pop()
        elif len(busy) >= limit:
            begun.append(REFUSED)
            continue
        else:
            begin += cold_start
            cold += 1
        begun.append(begin)
        heappush(busy, begin + service)
    return np.array(begun), cold
