"""The metrics of a cloud: periods, resolutions, retention."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from kennel.localcloud.runtime.metrics import retention
from kennel.localcloud.runtime.metrics import store as metrics
from kennel.localcloud.runtime.metrics.retention import DAY
from kennel.localcloud.runtime.metrics.store import Datum, MetricStore, dimensions_key

DIMENSIONS = {"EndpointName": "e", "VariantName": "v"}
BEGIN = 1_800_000_000  # a multiple of 3600


def put(store: MetricStore, at: float, value: float, name: str = "m", **options: Any) -> None:
    store.put("n", [Datum(name, dimensions_key(DIMENSIONS), at, ((value, 1.0),), **options)])


def read(store: MetricStore, statistic: str, period: int, start: float, end: float, name: str = "m") -> Any:
    return store.statistics("n", name, DIMENSIONS, statistic, period, start, end)


def test_a_period_holds_what_begins_in_it_and_others_are_left_out() -> None:
    store = MetricStore()
    for second, value in ((0, 1), (59.9, 2), (60, 4), (180, 8)):
        put(store, BEGIN + second, value)
    expected = [(BEGIN, 3), (BEGIN + 60, 4), (BEGIN + 180, 8)]
    assert read(store, "Sum", 60, BEGIN, BEGIN + 240) == expected
    assert read(store, "Sum", 60, BEGIN, BEGIN + 180) == expected[:2]
    assert read(store, "Sum", 120, BEGIN, BEGIN + 240) == [(BEGIN, 7), (BEGIN + 120, 8)]
    assert read(store, "Sum", 120, BEGIN + 60, BEGIN + 240) == [(BEGIN + 60, 4), (BEGIN + 180, 8)]
    assert read(store, "p50", 300, BEGIN, BEGIN + 300) == [(BEGIN, 2)]


def test_dimensions_are_compared_as_a_whole_and_in_any_order() -> None:
    store = MetricStore()
    put(store, BEGIN, 1)
    reordered = dict(reversed(DIMENSIONS.items()))
    assert store.statistics("n", "m", reordered, "Sum", 60, BEGIN, BEGIN + 60) == [(BEGIN, 1)]
    assert store.statistics("n", "m", {"EndpointName": "e"}, "Sum", 60, BEGIN, BEGIN + 60) == []
    assert store.statistics("n", "other", DIMENSIONS, "Sum", 60, BEGIN, BEGIN + 60) == []


def test_only_high_resolution_has_seconds() -> None:
    store = MetricStore()
    for second in (1, 5, 12):
        put(store, BEGIN + second, second, "fine", resolution=1)
        put(store, BEGIN + second, second, "coarse")
    assert read(store, "Sum", 10, BEGIN, BEGIN + 60, "fine") == [(BEGIN, 6), (BEGIN + 10, 12)]
    assert read(store, "Sum", 60, BEGIN, BEGIN + 60, "fine") == [(BEGIN, 18)]
    assert read(store, "Sum", 10, BEGIN, BEGIN + 60, "coarse") == [(BEGIN, 18)]


def test_units_are_kept_apart_and_read_together() -> None:
    store, key = MetricStore(), ("n", "m", dimensions_key(DIMENSIONS))
    put(store, BEGIN, 1, unit="Count")
    put(store, BEGIN, 2, unit="Seconds")
    assert sorted(store.units(key)) == ["Count", "Seconds"]
    [(at, seconds)] = store.distributions(key, 60, BEGIN, BEGIN + 60, "Seconds")
    assert (at, seconds.total) == (BEGIN, 2)
    assert read(store, "Sum", 60, BEGIN, BEGIN + 60) == [(BEGIN, 3)]


def test_old_data_are_kept_in_longer_periods_as_on_aws() -> None:
    store = MetricStore()
    last = BEGIN + 500 * DAY
    # (days before the last one, the shortest period that still has it)
    ages = {460: None, 450: 3600, 64: 3600, 62: 300, 16: 300, 14: 60, 0.1: 60, 0: 60}
    for days in ages:
        put(store, last - days * DAY, 1)
    for days, shortest in ages.items():
        at = last - days * DAY
        hour = at // 3600 * 3600
        for period in (60, 300, 3600):
            kept = shortest is not None and period >= shortest
            sums = [value for _, value in read(store, "Sum", period, hour, hour + 3600)]
            assert sums == ([1] if kept else []), (days, period)


def test_seconds_end_after_three_hours() -> None:
    store = MetricStore()
    last = BEGIN + DAY
    put(store, last - metrics.SECONDS_KEPT - 1, 1, resolution=1)
    put(store, last, 1, resolution=1)
    assert read(store, "Sum", 10, BEGIN, last + 60) == [(last, 1)]
    assert read(store, "Sum", 60, BEGIN, last + 60) == [(last - metrics.SECONDS_KEPT - 60, 1), (last, 1)]


def test_statistics_of_old_data_are_those_of_all_their_values() -> None:
    store = MetricStore()
    for minute in range(60):
        put(store, BEGIN + 60 * minute, 100 + minute)
    put(store, BEGIN + 60, 7)  # before it ages
    put(store, BEGIN + 64 * DAY, 1)
    put(store, BEGIN + 64 * DAY - DAY, 2)  # late
    hour = (BEGIN, BEGIN + 3600)
    [(_, total)] = read(store, "Sum", 3600, *hour)
    assert total == sum(range(100, 160)) + 7
    assert read(store, "SampleCount", 3600, *hour) == [(BEGIN, 61)]
    assert [read(store, name, 3600, *hour)[0][1] for name in ("Minimum", "Maximum")] == [7, 159]
    [(_, median)] = read(store, "p50", 3600, *hour)
    assert median == pytest.approx(129, rel=0.02)
    assert read(store, "Sum", 300, BEGIN + 63 * DAY, BEGIN + 63 * DAY + 300) == [(BEGIN + 63 * DAY, 2)]


def test_the_memory_of_a_metric_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tenth of the days; without retention the second size would be twice the first."""
    kept = [(step, seconds / 10) for step, seconds in retention.KEPT]
    monkeypatch.setattr(retention, "KEPT", kept)
    store, sizes, counts = MetricStore(), [], []
    key = ("n", "m", dimensions_key(DIMENSIONS))
    for hour in range(2 * 46 * 24):
        at = BEGIN + 3600 * hour
        for minute in (0, 7, 31):
            put(store, at + 60 * minute, minute)
        if hour in (50 * 24, 2 * 46 * 24 - 1):
            sizes.append(len(pickle.dumps(store.by_key)))
            counts.append(sum(values.count for _, values in store.distributions(key, 3600, BEGIN, at + DAY)))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)
    assert counts == [pytest.approx(3 * 24 * 45.5, abs=3)] * 2, "only what is too old is gone"
    [series] = store.by_key[key].values()
    held = [sum(len(block) for block in tier.blocks.values()) for tier in series.retention.tiers]
    most = [kept[0][1] / 60, (kept[1][1] - kept[0][1]) / 300, (kept[2][1] - kept[1][1]) / 3600]
    assert all(periods <= limit + 2 * retention.LENGTH for periods, limit in zip(held, most, strict=True))
    assert len(series.minutes) <= 4 * 3


def test_the_metric_with_the_oldest_data_makes_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_METRICS", 2)
    store = MetricStore()
    for number, name in enumerate(("a", "b", "c")):
        put(store, BEGIN + number * 60, 1, name)
    assert [key[1] for key in store.keys(0)] == ["b", "c"]
    assert [key[1] for key in store.keys(BEGIN + 120)] == ["c"]


def test_what_is_kept_of_an_old_minute_is_smaller() -> None:
    store = MetricStore()
    for value in range(1000):
        put(store, BEGIN, 1000 + value)
    put(store, BEGIN + metrics.SECONDS_KEPT + 3600, 1)
    [(_, old), _] = store.distributions(
        ("n", "m", dimensions_key(DIMENSIONS)), 60, BEGIN, BEGIN + 2 * metrics.SECONDS_KEPT
    )
    assert len(list(old.values())) <= retention.MOST_VALUES
    assert (old.count, old.total) == (1000, sum(range(1000, 2000)))
