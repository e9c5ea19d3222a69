"""The queue of a fleet: against the theory of queues, and against a slow simulation that is easy to check."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kennel.capacity.fleet import REFUSED, Fleet
from kennel.capacity.service_times import ServiceTimes
from kennel.capacity.traces import generate

DAY = 86_400


def erlang_c(workers: int, use: float) -> float:
    """Return the probability that a request waits in M/M/c, by Erlang's recursion for a loss system."""
    offered, blocked = workers * use, 1.0
    for number in range(1, workers + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked / (1 - use * (1 - blocked))


def slow(
    arrivals: list[float], services: list[float], changes: dict[int, int], waiting: int | None
) -> tuple[list[float], list[float]]:
    """Serve requests one by one: ``changes`` are workers to add at the arrival of a request."""
    free: list[float] = []
    begun: list[float] = []
    for number, (arrival, service) in enumerate(zip(arrivals, services, strict=True)):
        free += [arrival] * changes.get(number, 0)
        in_queue = sum(start > arrival for start in begun)
        start = max(arrival, min(free))
        if start > arrival and waiting is not None and in_queue >= waiting * len(free):
            begun.append(REFUSED)
            continue
        free.remove(min(free))
        free.append(start + service)
        begun.append(start)
    return begun, free


@pytest.mark.parametrize("use", [0.5, 0.8, 0.9])
def test_waiting_is_within_5_percent_of_erlang_c(use: float) -> None:
    workers, count = 4, 2_000_000  # with fewer, chance alone is several per cent at a use of 0.9
    random = np.random.default_rng(11)
    mean = workers * use * DAY / count
    arrivals = generate("steady", count, random).arrivals(random)
    services = ServiceTimes(mean).draw(count, random)
    fleet = Fleet(waiting=None)
    fleet.grow(workers, 0.0)

    waited = fleet.serve(arrivals, services) - arrivals

    expected = erlang_c(workers, use) * mean / (workers * (1 - use))
    assert waited.mean() == pytest.approx(expected, rel=0.05)
    assert (waited > 0).mean() == pytest.approx(erlang_c(workers, use), rel=0.05)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    workers=st.integers(1, 5),
    added=st.integers(1, 5),
    waiting=st.none() | st.integers(0, 4),
    use=st.floats(0.3, 2.0),
)
def test_it_serves_as_a_slow_simulation_does(
    seed: int, workers: int, added: int, waiting: int | None, use: float
) -> None:
    count, change = 1500, 700
    random = np.random.default_rng(seed)
    arrivals = np.cumsum(random.exponential(1.0, count))
    services = ServiceTimes(use * workers, 0.7).draw(count, random)
    fleet = Fleet(waiting)
    fleet.grow(workers, arrivals[0])
    begun = fleet.serve(arrivals[:change], services[:change])
    fleet.grow(added, arrivals[change])

    begun = np.concatenate([begun, fleet.serve(arrivals[change:], services[change:])])

    expected, _ = slow(arrivals.tolist(), services.tolist(), {0: workers, change: added}, waiting)
    assert begun.tolist() == expected


def test_the_way_of_serving_does_not_depend_on_how_requests_are_divided_into_calls() -> None:
    random = np.random.default_rng(5)
    arrivals = np.cumsum(random.exponential(1.0, 20_000))
    services = random.exponential(3.6, 20_000)

    def serve(parts: int) -> NDArray[np.float64]:
        fleet = Fleet(waiting=3)
        fleet.grow(4, 0.0)
        pieces = zip(np.array_split(arrivals, parts), np.array_split(services, parts), strict=True)
        return np.concatenate([fleet.serve(*piece) for piece in pieces])

    assert serve(1).tolist() == serve(313).tolist()
    assert REFUSED in serve(1)


def test_removed_workers_finish_what_they_have_and_take_nothing_new() -> None:
    fleet = Fleet(waiting=None)
    fleet.grow(3, 0.0)
    assert fleet.serve(np.array([0.0, 0.0, 0.0]), np.array([10.0, 20.0, 30.0])).tolist() == [0, 0, 0]

    fleet.shrink(2, 1.0)

    assert fleet.workers == 1
    (begun,) = fleet.serve(np.array([2.0]), np.array([1.0]))
    assert begun in (10.0, 20.0, 30.0), "it waits for the one that is left"


def test_without_workers_all_is_refused() -> None:
    assert Fleet(waiting=None).serve(np.array([1.0, 2.0]), np.ones(2)).tolist() == [REFUSED, REFUSED]
