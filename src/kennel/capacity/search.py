"""The cheapest policy, and the cheapest fixed fleet, that meet an objective."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kennel.capacity import CapacityError
from kennel.capacity.outcome import Outcome
from kennel.capacity.plan import Plan, Served
from kennel.capacity.scaling.target_tracking import PERIOD, TargetTracking
from kennel.capacity.timeline import Timeline

USES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # targets: shares of what an instance can answer
OUT_COOLDOWNS, IN_COOLDOWNS = (0, 60, 300), (60, 300, 900)
MOST_MINIMA = 8
HOUR_MINUTES = 60
STEP = 15.0  # seconds between the times at which two timelines are compared

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Objective:
    """What a way of serving must reach.

    Parameters
    ----------
    p99_ms
        Milliseconds that 99 % of the answered requests take at most.
    failed_percent
        Requests, of all, that may be refused or take too long.
    """

    p99_ms: float
    failed_percent: float

    def met(self, outcome: Outcome) -> bool:
        """Whether an outcome reaches it."""
        return outcome.latency_ms["p99"] <= self.p99_ms and outcome.failed_percent <= self.failed_percent


@dataclass(frozen=True)
class Candidate:
    """A policy with the instances that it has."""

    policy: TargetTracking
    timeline: Timeline
    dollars: float


def fixed_fleet(plan: Plan, objective: Objective, progress: Progress) -> Served:
    """Return the smallest fleet of a fixed size that meets the objective.

    Raises
    ------
    CapacityError
        None does: a single request, alone, takes too long.
    """
    low = 0
    high = max(1, math.ceil(plan.busiest_minute / PERIOD / plan.highest_rate))
    served: dict[int, Served] = {}

    def meets(instances: int) -> bool:
        progress(f"a fixed fleet of {instances}")
        served[instances] = plan.instances(Timeline.fixed(instances))
        return objective.met(served[instances].outcome)

    while not meets(high):
        if not served[high].outcome.queued:
            p99 = served[high].outcome.latency_ms["p99"]
            raise CapacityError(
                f"no fleet reaches a p99 of {objective.p99_ms:g} ms: without any waiting it is {p99:.0f} ms; "
                "give a higher --p99, or a faster instance type or release"
            )
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if meets(middle) else (middle, high)
    return served[high]


def cheapest_policy(
    plan: Plan, objective: Objective, largest: int, progress: Progress
) -> tuple[Candidate, Served] | None:
    """Return the cheapest of `candidates` that meets the objective; None if none does.

    Parameters
    ----------
    largest
        The size of the fixed fleet that meets it.

    Notes
    -----
    The instances of a policy follow from the arrivals alone, without the queue, and with them the costs. So
    the queue is computed for one candidate after the other in the order of costs, and the first that meets
    the objective is the answer. A candidate that never has more instances than one that failed is passed
    over, and so is one whose worst hour alone, begun with an empty queue, fails the objective of the trace.
    """
    ordered = sorted(candidates(plan, largest, progress), key=lambda each: each.dollars)
    times = np.arange(0.0, plan.trace.seconds, STEP)
    failed: list[np.ndarray] = []
    for number, candidate in enumerate(ordered, 1):
        instances = candidate.timeline.serving_at(times)
        if any((instances <= other).all() for other in failed):
            continue
        progress(f"policy {number} of {len(ordered)}, {candidate.dollars:.2f} dollars")
        if not _fails_in_its_worst_hour(plan, objective, candidate.timeline):
            served = plan.instances(candidate.timeline)
            if objective.met(served.outcome):
                return candidate, served
        failed.append(instances)
    return None


def _fails_in_its_worst_hour(plan: Plan, objective: Objective, timeline: Timeline) -> bool:
    """Whether more requests fail or are late in one hour than may in the whole trace."""
    minutes = np.arange(0.0, plan.trace.seconds, PERIOD)
    demand = np.diff(np.append(np.searchsorted(plan.arrivals, minutes), len(plan.arrivals)))
    excess = np.maximum(0.0, demand - timeline.serving_at(minutes) * plan.highest_rate * PERIOD)
    if not excess.any():
        return False
    summed = np.cumsum(np.append(0.0, excess))
    hour = min(HOUR_MINUTES, len(minutes))
    begin = PERIOD * float(np.argmax(summed[hour:] - summed[:-hour]))
    part = plan.between(timeline, begin, begin + PERIOD * hour)
    latencies = part.latencies()
    late = np.count_nonzero(latencies > objective.p99_ms / 1000)
    refused = len(part.arrivals) - len(latencies)
    total = len(plan.arrivals)
    return bool(late > 0.01 * total or refused > objective.failed_percent / 100 * total)


def candidates(plan: Plan, largest: int, progress: Progress) -> Iterator[Candidate]:
    """Yield policies with different targets, bounds and cooldowns, and their instances.

    A maximum is what the busiest minute needs at the target: more are never added by target tracking.
    """
    settings = list(itertools.product(USES, _minima(largest), OUT_COOLDOWNS, IN_COOLDOWNS))
    for number, (use, minimum, out_cooldown, in_cooldown) in enumerate(settings, 1):
        if number % 20 == 1:
            progress(f"instances of policy {number} of {len(settings)}")
        target = math.floor(use * plan.highest_rate * PERIOD)
        if target < 1:
            continue
        maximum = max(minimum, math.ceil(plan.busiest_minute / target))
        policy = TargetTracking(target, minimum, maximum, out_cooldown, in_cooldown)
        timeline = plan.timeline(policy)
        yield Candidate(policy, timeline, plan.instance_dollars(timeline))


def _minima(largest: int) -> list[int]:
    """Return at most `MOST_MINIMA` numbers from 1 to the size of the fixed fleet."""
    return sorted({round(each) for each in np.linspace(1, largest, MOST_MINIMA)})
