"""The metrics of a cloud: periods, resolutions, retention."""

from __future__ import annotations

from typing import Any

import pytest

from kennel.localcloud.runtime.metrics import store as metrics
from kennel.localcloud.runtime.metrics.store import MINUTE, Datum, MetricStore, dimensions_key

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


def test_old_data_end(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MetricStore()
    last = BEGIN + metrics.MINUTES_KEPT + MINUTE
    put(store, BEGIN, 1, resolution=1)
    put(store, last - metrics.SECONDS_KEPT - 1, 1, resolution=1)
    put(store, last, 1, resolution=1)
    assert read(store, "Sum", 60, BEGIN, last + 60) == [(last - metrics.SECONDS_KEPT - 60, 1), (last, 1)]
    assert read(store, "Sum", 10, BEGIN, last + 60) == [(last, 1)]


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
    put(store, BEGIN + metrics.SECONDS_KEPT, 1)
    [(_, old), _] = store.distributions(
        ("n", "m", dimensions_key(DIMENSIONS)), 60, BEGIN, BEGIN + 2 * metrics.SECONDS_KEPT
    )
    assert len(list(old.values())) <= metrics.OLD_VALUES
    assert (old.count, old.total) == (1000, sum(range(1000, 2000)))
