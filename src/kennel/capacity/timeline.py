"""The instances of a policy over a trace: what it measures each period, decides, and when that serves."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kennel.capacity.fleet import REFUSED, Fleet
from kennel.capacity.scaling.target_tracking import HIGH_RESOLUTION_PERIOD, PERIOD, TargetTracking
from kennel.capacity.scaling.tracker import Tracker

LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Instance:
    """One instance of the fleet.

    Parameters
    ----------
    workers
        Requests that it works on at once.
    waiting
        Requests that may wait for each worker; what comes then is refused with 503. None: any number.
    start_up
        Seconds from the decision to add an instance until it serves.
    """

    workers: int
    waiting: int | None
    start_up: float


@dataclass
class Timeline:
    """Instances over time: those that serve, and those that are billed.

    Both are lists of pairs, the time of a change and the number from then on; the first time is 0.
    """

    serving: list[tuple[float, int]] = field(default_factory=list)
    billed: list[tuple[float, int]] = field(default_factory=list)

    @classmethod
    def fixed(cls, instances: int) -> Timeline:
        """Return the timeline of a fleet that never changes."""
        return cls([(0.0, instances)], [(0.0, instances)])

    def serving_at(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return how many instances serve at these times."""
        changes = [time for time, _ in self.serving]
        return np.array([count for _, count in self.serving])[np.searchsorted(changes, times, "right") - 1]

    def hours(self, seconds: float) -> float:
        """Return the instance-hours that are billed: an instance is billed while it starts, too."""
        ends = [time for time, _ in self.billed[1:]] + [seconds]
        return (
            sum(
                count * max(0.0, min(end, seconds) - begin)
                for (begin, count), end in zip(self.billed, ends, strict=True)
            )
            / 3600.0
        )


Segment = tuple[float, float, int]
"""A stretch of time in which the number of instances is the same: begin, end, instances."""


class Metric(Protocol):
    """What a policy tracks: the average of the instances, or None in a period without data."""

    def observe(self, segments: Sequence[Segment]) -> float | None:
        """Return the datapoint of the next period, which consists of these stretches."""


class Invocations:
    """SageMaker's InvocationsPerInstance, summed: each request counts 1 / the instances that serve.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html

    Parameters
    ----------
    arrivals
        Seconds, ascending. Refused requests count, too.
    """

    def __init__(self, arrivals: NDArray[np.float64]) -> None:
        self._arrivals, self._seen = arrivals, 0

    def observe(self, segments: Sequence[Segment]) -> float | None:
        """Return the requests per instance of the period."""
        before, value = self._seen, 0.0
        for _, end, instances in segments:
            seen = int(np.searchsorted(self._arrivals, end))
            value += (seen - self._seen) / instances
            self._seen = seen
        return value if self._seen > before else None


class Concurrency:
    """SageMaker's ConcurrentRequestsPerModel: requests that are waiting or worked on, a mean over time.

    Other than `Invocations` it depends on the queue, which is therefore computed on the way.

    Parameters
    ----------
    queue
        The fleet before its first request.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._leaving: NDArray[np.float64] = np.empty(0)

    def observe(self, segments: Sequence[Segment]) -> float | None:
        """Return the mean number of requests at an instance in the period."""
        begin, end = segments[0][0], segments[-1][1]
        arrived, left = [np.full(len(self._leaving), begin)], [self._leaving]
        for _, stop, instances in segments:
            new = self._queue.serve_until(stop, instances)
            taken = self._queue.begun[new] != REFUSED
            arrived.append(self._queue.arrivals[new][taken])
            left.append((self._queue.begun[new] + self._queue.services[new])[taken])
        leaving = np.concatenate(left)
        present = np.minimum(leaving, end) - np.concatenate(arrived)
        self._leaving = leaving[leaving > end]
        instance_seconds = sum((stop - start) * count for start, stop, count in segments)
        return float(present.sum()) / instance_seconds if len(leaving) else None


class Queue:
    """The requests of a trace on their way through a fleet.

    Attributes
    ----------
    begun
        When each request that was served so far began, or `kennel.capacity.fleet.REFUSED`.
    """

    def __init__(
        self, arrivals: NDArray[np.float64], services: NDArray[np.float64], instance: Instance
    ) -> None:
        self.arrivals, self.services = arrivals, services
        self.begun = np.empty(len(arrivals))
        self._instance, self._fleet = instance, Fleet(instance.waiting)
        self._now, self._seen = 0.0, 0

    def serve_until(self, end: float, instances: int) -> slice:
        """Serve what arrives before ``end``, with so many instances from the end of the last call on."""
        change = instances * self._instance.workers - self._fleet.workers
        if change > 0:
            self._fleet.grow(change, self._now)
        elif change < 0:
            self._fleet.shrink(-change, self._now)
        new = slice(self._seen, int(np.searchsorted(self.arrivals, end)))
        self.begun[new] = self._fleet.serve(self.arrivals[new], self.services[new])
        self._now, self._seen = end, new.stop
        return new

    def serve(self, timeline: Timeline) -> NDArray[np.float64]:
        """Serve all requests with the instances of a timeline; return `begun`."""
        ends = [time for time, _ in timeline.serving[1:]] + [math.inf]
        for (_, instances), end in zip(timeline.serving, ends, strict=True):
            self.serve_until(end, instances)
        return self.begun


def follow(
    policy: TargetTracking, initial: int, start_up: float, metric: Metric, seconds: float, offset: float = 0.0
) -> Timeline:
    """Return the instances that a policy has while a trace passes.

    The metric of each period goes to `kennel.capacity.scaling`; what it decides is applied: added instances
    serve after their start-up, removed ones finish what they have and take nothing new. The activity is
    completed, and its cooldown begins, when Application Auto Scaling next looks whether that is so: the local
    cloud's does so every second; how often AWS's does is not published.

    Parameters
    ----------
    initial
        Instances at first.
    start_up
        Seconds from a decision until added instances serve.
    seconds
        The length of the trace.
    offset
        Seconds of the first period that are over when the trace starts.
    """
    tracker, timeline = Tracker(policy, initial), Timeline.fixed(initial)
    period = HIGH_RESOLUTION_PERIOD if policy.high_resolution else PERIOD
    begin, end, completed = 0.0, period - offset, math.inf
    while begin < seconds:
        value = metric.observe(_segments(timeline.serving, begin, end))
        if completed <= end:
            tracker.completed(completed + offset)
            completed = math.inf
        before = tracker.capacity
        if tracker.datapoint(value, end + offset):
            delay = start_up if tracker.capacity > before else 0.0
            timeline.billed.append((end, tracker.capacity))
            timeline.serving.append((end + delay, tracker.capacity))
            completed = end + math.floor(delay) + LOOK_SECONDS
        begin, end = end, end + period
    return timeline


def _segments(changes: Sequence[tuple[float, int]], begin: float, end: float) -> list[Segment]:
    first = bisect_right(changes, begin, key=lambda change: change[0]) - 1
    inside = [change for change in changes[first:] if change[0] < end]
    stops = [time for time, _ in inside[1:]] + [end]
    return [(max(begin, time), stop, count) for (time, count), stop in zip(inside, stops, strict=True)]
