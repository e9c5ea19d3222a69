"""CloudWatch's statistics by their names, the extended ones too.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache

from kennel.localcloud.runtime.metrics.distribution import Distribution

Statistic = Callable[[Distribution], "float | None"]

BASIC: dict[str, Statistic] = {
    "SampleCount": lambda values: values.count,
    "Sum": lambda values: values.total,
    "Average": lambda values: values.total / values.count if values.count else None,
    "Minimum": lambda values: values.minimum,
    "Maximum": lambda values: values.maximum,
}
_NUMBER = r"\d+(?:\.\d{1,10})?"
_ONE_BOUND = re.compile(rf"(?P<kind>p|tm|tc|ts|wm)(?P<percent>{_NUMBER})")
_BOUNDS = re.compile(
    rf"(?P<kind>TM|TC|TS|WM|PR)\((?P<low>{_NUMBER})?(?P<low_percent>%)?:(?P<high>{_NUMBER})?(?P<high_percent>%)?\)"
)


class UnknownStatisticError(ValueError):
    """CloudWatch has no statistic of this name."""


@cache
def statistic(name: str) -> Statistic:
    """Return what computes a statistic of a period; its result is None if the values do not allow it.

    Percentiles, and ranks for trimming, are nearest ranks: AWS does not publish how it interpolates.

    Raises
    ------
    UnknownStatisticError
        There is none of this name.
    """
    if name in BASIC:
        return BASIC[name]
    if name == "IQM":
        return _trimmed("TM", 0.25, 0.75)
    matched = _ONE_BOUND.fullmatch(name)
    if matched:
        share = float(matched["percent"]) / 100
        if share <= 1:
            kind = matched["kind"]
            return _percentile(share) if kind == "p" else _trimmed(kind.upper(), 0.0, share)
    matched = _BOUNDS.fullmatch(name)
    if matched and (matched["low"] or matched["high"]):
        return _bounded(name, matched)
    raise UnknownStatisticError(name)


def is_percentile(name: str) -> bool:
    """Return whether a statistic is a percentile, as ``p99``."""
    return name not in BASIC and name.startswith("p")


def _bounded(name: str, matched: re.Match[str]) -> Statistic:
    kind, low, high = matched["kind"], matched["low"], matched["high"]
    percent = {bool(matched[f"{side}_percent"]) for side in ("low", "high") if matched[side]}
    if len(percent) > 1 or any(matched[f"{side}_percent"] and not matched[side] for side in ("low", "high")):
        raise UnknownStatisticError(name)
    if percent == {True}:
        shares = float(low or 0) / 100, float(high or 100) / 100
        if kind == "PR" or not 0 <= shares[0] < shares[1] <= 1:
            raise UnknownStatisticError(name)
        return _trimmed(kind, *shares)
    bounds = float(low) if low else -math.inf, float(high) if high else math.inf
    if bounds[0] >= bounds[1]:
        raise UnknownStatisticError(name)
    return _within(kind, *bounds)


def _ordered(values: Distribution) -> list[tuple[float, float]] | None:
    return sorted(values.values()) if values.complete and values.count else None


def _percentile(share: float) -> Statistic:
    def compute(values: Distribution) -> float | None:
        ordered = _ordered(values)
        return None if ordered is None else _at_rank(ordered, share * values.count)

    return compute


def _at_rank(ordered: list[tuple[float, float]], rank: float) -> float:
    """Return the lowest value up to which so many values lie."""
    below = 0.0
    for value, count in ordered:
        below += count
        if below >= rank - 1e-9 * below:  # 0.99 * 100 is a little more than 99
            return value
    return ordered[-1][0]


def _trimmed(kind: str, low: float, high: float) -> Statistic:
    """Return a statistic of the values whose ranks are in (low, high], as shares of all."""

    def compute(values: Distribution) -> float | None:
        ordered = _ordered(values)
        if ordered is None:
            return None
        first, last = (math.ceil(round(share * values.count, 9)) for share in (low, high))
        begin, kept = 0.0, []
        for value, count in ordered:
            end = begin + count
            overlap = min(end, last) - max(begin, first)
            if overlap > 0:
                kept.append((value, overlap))
            begin = end
        if kind == "WM" and kept:
            kept += [(kept[0][0], first), (kept[-1][0], values.count - last)]
        return _summary(kind, kept, values.count)

    return compute


def _within(kind: str, low: float, high: float) -> Statistic:
    """Return a statistic of the values above `low` and not above `high`."""

    def compute(values: Distribution) -> float | None:
        ordered = _ordered(values)
        if ordered is None:
            return None
        if kind == "WM":
            return _summary(
                kind, [(min(max(value, low), high), count) for value, count in ordered], values.count
            )
        return _summary(kind, [(v, count) for v, count in ordered if low < v <= high], values.count)

    return compute


def _summary(kind: str, kept: list[tuple[float, float]], of: float) -> float | None:
    count = sum(times for _, times in kept)
    if kind == "TC":
        return count
    if kind == "PR":
        return 100 * count / of
    total = sum(value * times for value, times in kept)
    if kind == "TS":
        return total
    return total / count if count else None
