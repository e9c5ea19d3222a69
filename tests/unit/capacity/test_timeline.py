"""The instances of a policy over a trace, by the algorithm that the local cloud acts by."""

from __future__ import annotations

import numpy as np
import pytest

from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.capacity.timeline import Concurrency, Instance, Invocations, Queue, Timeline, follow

HOUR = 3600.0


def every_minute(counts: list[int]) -> np.ndarray:
    """Return arrivals: so many in each minute, evenly."""
    parts = [60.0 * minute + 60.0 * (np.arange(n) + 0.5) / n for minute, n in enumerate(counts) if n]
    return np.concatenate(parts)


def test_out_after_three_minutes_over_the_target_and_in_after_fifteen_under_it() -> None:
    arrivals = every_minute([250] * 10 + [60] * 30)
    policy = TargetTracking(100, 1, 4, scale_out_cooldown=60, scale_in_cooldown=60)

    timeline = follow(policy, 1, 120.0, Invocations(arrivals), 40 * 60.0)

    # Three datapoints of 250 at 180 s: 1 x 250 / 100, rounded up. They serve after their start-up.
    assert timeline.billed[:2] == [(0.0, 1), (180.0, 3)]
    assert timeline.serving[:2] == [(0.0, 1), (300.0, 3)]
    # 250 / 3 is under 90, so the fifteen minutes under nine tenths begin with minute 6.
    assert timeline.billed[2] == timeline.serving[2] == (20 * 60.0, 1)


def test_a_request_counts_for_the_instances_that_serve_when_it_arrives() -> None:
    metric = Invocations(np.array([1.0, 2.0, 31.0, 32.0, 33.0, 61.0]))

    assert metric.observe([(0.0, 30.0, 1), (30.0, 60.0, 3)]) == pytest.approx(2 + 3 / 3)
    assert metric.observe([(60.0, 120.0, 2)]) == 0.5
    assert metric.observe([(120.0, 180.0, 2)]) is None, "no request, no datapoint"


def test_periods_begin_at_whole_minutes() -> None:
    arrivals = every_minute([250] * 10)

    timeline = follow(TargetTracking(100, 1, 4), 1, 0.0, Invocations(arrivals), 600.0, offset=20.0)

    assert timeline.billed[1][0] == 160.0


def test_concurrency_is_the_mean_of_requests_present() -> None:
    arrivals, services = np.array([0.0, 1.0, 12.0, 13.0]), np.array([4.0, 2.0, 10.0, 1.0])
    queue = Queue(arrivals, services, Instance(workers=1, waiting=1, start_up=0.0))
    metric = Concurrency(queue)

    # The first is present for 4 s, the second waits from 1 to 4 and is worked on to 6.
    assert metric.observe([(0.0, 10.0, 1)]) == pytest.approx((4 + 5) / 10)
    # 12 to 20 at two instances; 13 to 14 at the second one.
    assert metric.observe([(10.0, 20.0, 2)]) == pytest.approx((8 + 1) / 10 / 2)
    assert metric.observe([(20.0, 30.0, 2)]) == pytest.approx(2 / 10 / 2)
    assert metric.observe([(30.0, 40.0, 2)]) is None


def test_the_concurrency_metric_scales_within_half_a_minute() -> None:
    arrivals = np.arange(0, 600, 0.05)  # 20 a second, of 100 ms: two at once
    queue = Queue(arrivals, np.full(len(arrivals), 0.1), Instance(4, 32, 60.0))
    policy = TargetTracking(1.0, 1, 8, high_resolution=True)

    timeline = follow(policy, 1, 60.0, Concurrency(queue), 600.0)

    time, instances = timeline.billed[1]
    assert time == 30.0, "three datapoints of ten seconds"
    assert instances in (2, 3)
    assert len(queue.begun) == len(arrivals)


def test_an_instance_is_billed_from_its_start_to_its_end() -> None:
    timeline = Timeline([(0.0, 1), (2000.0, 3), (3000.0, 2)], [(0.0, 1), (1800.0, 3), (3000.0, 2)])

    assert timeline.hours(HOUR) == pytest.approx(0.5 + 3 * 1200 / 3600 + 2 * 600 / 3600)
    assert timeline.serving_at(np.array([0.0, 1999.0, 2000.0, 3500.0])).tolist() == [1, 1, 3, 2]
