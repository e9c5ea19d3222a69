"""All metrics of a cloud, in buckets of a minute, and of a second where the resolution is high.

Seconds are kept for three hours, as on AWS. So long minutes are kept as they are; then `Retention` has them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.runtime.metrics.distribution import Distribution
from kennel.localcloud.runtime.metrics.retention import Retention
from kennel.localcloud.runtime.metrics.statistics import statistic as statistic_named

MINUTE = 60
HOUR = 3600
SECONDS_KEPT = 3 * HOUR
LISTED_SECONDS = 14 * 24 * 3600  # a metric without newer data is not listed
MOST_METRICS = 20_000  # the one with the oldest data makes place for another

Dimensions = tuple[tuple[str, str], ...]
MetricKey = tuple[str, str, Dimensions]


def dimensions_key(dimensions: dict[str, str]) -> Dimensions:
    """Return dimensions in the form that keys have: their order does not matter."""
    return tuple(sorted(dimensions.items()))


class Datum(NamedTuple):
    """A value, so many times, or a statistic set, of a metric at a time."""

    name: str
    dimensions: Dimensions
    at: float
    values: tuple[tuple[float, float], ...] = ()  # each with its count
    statistic_set: tuple[float, float, float, float] | None = None  # count, sum, minimum, maximum
    unit: str = "None"
    resolution: int = MINUTE

    def add_to(self, bucket: Distribution) -> None:
        """Add it to a bucket."""
        for value, count in self.values:
            bucket.add(value, count)
        if self.statistic_set:
            bucket.add_set(*self.statistic_set)


class Series:
    """The data of one metric in one unit."""

    def __init__(self) -> None:
        self.minutes: dict[int, Distribution] = {}
        self.seconds: dict[int, Distribution] = {}
        self.retention = Retention()
        self.newest = -math.inf
        self._retained = -math.inf  # what is before is in `retention`

    def add(self, datum: Datum) -> None:
        """Add a datum; the first of an hour lets old data age."""
        minute = int(datum.at // MINUTE) * MINUTE
        if minute < self._retained:  # it comes late
            late = Distribution()
            datum.add_to(late)
            self.retention.add([(minute, late)], self.newest)
            return
        bucket = self.minutes.get(minute)
        if bucket is None:
            bucket = self.minutes[minute] = Distribution()
            self.newest = max(self.newest, minute)
            self._age()
        datum.add_to(bucket)
        if datum.resolution < MINUTE:
            datum.add_to(self.seconds.setdefault(int(datum.at), Distribution()))

    def _age(self) -> None:
        # A dictionary keeps the order of insertion, which is nearly that of time: old data are at the front.
        oldest = self.newest - SECONDS_KEPT
        _drop_older(self.seconds, oldest)
        limit = oldest // HOUR * HOUR
        if limit <= self._retained:
            return
        old = sorted(minute for minute in self.minutes if minute < limit)
        self.retention.add([(minute, self.minutes.pop(minute)) for minute in old], self.newest)
        self._retained = limit

    def between(self, start: float, end: float, period: int) -> Iterator[tuple[int, Distribution]]:
        """Yield the buckets that begin in [start, end), by their times; a short period takes seconds."""
        if period % MINUTE and self.seconds:
            yield from _between(self.seconds, start, end, 1)
            return
        if start < self._retained:
            shortest = period if period % MINUTE == 0 else MINUTE
            yield from self.retention.between(start, end, shortest, self.newest)
        yield from _between(self.minutes, start, end, MINUTE)


def _between(
    buckets: dict[int, Distribution], start: float, end: float, step: int
) -> Iterator[tuple[int, Distribution]]:
    if (end - start) / step < len(buckets):
        for at in range(math.ceil(start / step) * step, math.ceil(end), step):
            bucket = buckets.get(at)
            if bucket is not None:
                yield at, bucket
    else:
        for at, bucket in sorted(buckets.items(), key=lambda pair: pair[0]):
            if start <= at < end:
                yield at, bucket


def _drop_older(buckets: dict[int, Distribution], limit: float) -> None:
    while buckets:
        first = next(iter(buckets))
        if first >= limit:
            return
        del buckets[first]


@dataclass
class MetricStore(KeptStore):
    """The metrics of a cloud, by namespace, name and dimensions, then by unit; safe to use from threads."""

    by_key: dict[MetricKey, dict[str, Series]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, namespace: str, data: Iterable[Datum]) -> None:
        """Add data to the metrics of a namespace."""
        with self.lock:
            for datum in data:
                series = self._series((namespace, datum.name, datum.dimensions), datum.unit)
                series.add(datum)

    def _series(self, key: MetricKey, unit: str) -> Series:
        units = self.by_key.get(key)
        if units is None:
            if len(self.by_key) >= MOST_METRICS:
                del self.by_key[min(self.by_key, key=lambda other: _newest(self.by_key[other]))]
            units = self.by_key[key] = {}
        series = units.get(unit)
        if series is None:
            series = units[unit] = Series()
        return series

    def distributions(
        self, key: MetricKey, period: int, start: float, end: float, unit: str | None = None
    ) -> list[tuple[float, Distribution]]:
        """Return the periods with data, oldest first: `start`, `start` + `period`, … up to before `end`.

        Parameters
        ----------
        unit
            Only data with this unit; all by default.
        """
        periods: dict[int, Distribution] = {}
        with self.lock:
            for name, series in self.by_key.get(key, {}).items():
                if unit and name != unit:
                    continue
                for at, bucket in series.between(start, end, period):
                    index = int((at - start) // period)
                    if index not in periods:
                        periods[index] = Distribution()
                    periods[index].merge(bucket)
        return [(start + index * period, periods[index]) for index in sorted(periods)]

    def statistics(
        self,
        namespace: str,
        name: str,
        dimensions: dict[str, str],
        statistic: str,
        period: int,
        start: float,
        end: float,
    ) -> list[tuple[float, float]]:
        """Return a metric's statistic in each period with data: (begin of the period, value), oldest first.

        Raises
        ------
        UnknownStatisticError
            CloudWatch has no such statistic.
        """
        compute = statistic_named(statistic)
        key = (namespace, name, dimensions_key(dimensions))
        periods = [(at, compute(values)) for at, values in self.distributions(key, period, start, end)]
        return [(at, value) for at, value in periods if value is not None]

    def units(self, key: MetricKey) -> list[str]:
        """Return the units that a metric has data in."""
        with self.lock:
            return list(self.by_key.get(key, {}))

    def keys(self, newer_than: float) -> list[MetricKey]:
        """Return the metrics with data at or after a time, by namespace and name."""
        with self.lock:
            return sorted(key for key, units in self.by_key.items() if _newest(units) >= newer_than)


def _newest(units: dict[str, Series]) -> float:
    return max((series.newest for series in units.values()), default=-math.inf)


def metric_store(cloud: Cloud) -> MetricStore:
    """Return the metrics of a cloud."""
    return cloud.store(MetricStore)
