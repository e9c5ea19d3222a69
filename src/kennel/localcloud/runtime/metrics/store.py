"""All metrics of a cloud, in buckets of a minute, and of a second where the resolution is high.

Retention is AWS's for both (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html):
seconds for 3 hours, minutes for 15 days. AWS then goes on for months with coarser periods; here the data end.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.runtime.metrics.distribution import Distribution
from kennel.localcloud.runtime.metrics.statistics import statistic as statistic_named

MINUTE = 60
SECONDS_KEPT = 3 * 3600
MINUTES_KEPT = 15 * 24 * 3600
LISTED_SECONDS = 14 * 24 * 3600  # a metric without newer data is not listed
OLD_VALUES = 128  # different values that are kept of a minute once it is older than `SECONDS_KEPT`
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


class Series:
    """The data of one metric in one unit."""

    def __init__(self) -> None:
        self.minutes: dict[int, Distribution] = {}
        self.seconds: dict[int, Distribution] = {}
        self.newest = -math.inf
        self._unpacked: deque[int] = deque()  # the minutes whose values take their full place, oldest first

    def buckets_at(self, at: float, resolution: int) -> list[Distribution]:
        """Return the buckets that a datum goes into; a new minute makes old ones smaller."""
        minute = int(at // MINUTE) * MINUTE
        bucket = self.minutes.get(minute)
        if bucket is None:
            bucket = self.minutes[minute] = Distribution()
            self._unpacked.append(minute)
            self.newest = max(self.newest, minute)
            self._age()
        if resolution >= MINUTE:
            return [bucket]
        return [bucket, self.seconds.setdefault(int(at), Distribution())]

    def _age(self) -> None:
        # Dictionaries keep the order of insertion, which is nearly that of time: old data are at the front.
        _drop_older(self.seconds, self.newest - SECONDS_KEPT)
        _drop_older(self.minutes, self.newest - MINUTES_KEPT)
        while self._unpacked and self._unpacked[0] <= self.newest - SECONDS_KEPT:
            old = self.minutes.get(self._unpacked.popleft())
            if old is not None:
                old.pack(OLD_VALUES)

    def between(self, start: float, end: float, period: int) -> Iterator[tuple[int, Distribution]]:
        """Yield the buckets that begin in [start, end), by their times; a short period takes seconds."""
        buckets = self.seconds if period % MINUTE and self.seconds else self.minutes
        step = MINUTE if buckets is self.minutes else 1
        if (end - start) / step < len(buckets):
            for at in range(math.ceil(start / step) * step, math.ceil(end), step):
                bucket = buckets.get(at)
                if bucket is not None:
                    yield at, bucket
        else:
            for at, bucket in sorted(buckets.items()):
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
                for bucket in series.buckets_at(datum.at, datum.resolution):
                    for value, count in datum.values:
                        bucket.add(value, count)
                    if datum.statistic_set:
                        bucket.add_set(*datum.statistic_set)

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
