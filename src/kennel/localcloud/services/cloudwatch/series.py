"""Time series, and the operators and functions of metric math on them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import itertools
import math
import operator
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kennel.localcloud.services.cloudwatch.expression import ExpressionError


@dataclass(frozen=True)
class Series:
    """A time series: values by the begins of their periods, oldest first."""

    points: Mapping[float, float]
    period: int

    def map(self, change: Callable[[float], float]) -> Series:
        """Return the series of changed values; those that are no finite numbers are left out."""
        return Series(_finite((at, change, (value,)) for at, value in self.points.items()), self.period)


Value: TypeAlias = "float | Series | list[Series]"
_Points: TypeAlias = "Iterable[tuple[float, Callable[..., float], tuple[float, ...]]]"


def number(function: Callable[..., float], *operands: float) -> float:
    """Compute a number; it is not a number where there is no result, as a division by zero has none."""
    try:
        return float(function(*operands))
    except (ArithmeticError, ValueError):  # as math.log(0) and math.ceil(nan) raise it
        return math.nan


def _finite(points: _Points) -> dict[float, float]:
    computed: dict[float, float] = {}
    for at, function, operands in points:
        value = number(function, *operands)
        if math.isfinite(value):
            computed[at] = value
    return computed


OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": math.pow,  # which refuses what operator.pow makes a complex number of
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "&&": lambda a, b: bool(a) and bool(b),
    "||": lambda a, b: bool(a) or bool(b),
}
OF_EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": math.log,
    "LOG10": math.log10,
}
OF_ALL: dict[str, Callable[[list[float]], float]] = {
    "AVG": statistics.fmean,
    "MAX": max,
    "MIN": min,
    "STDDEV": statistics.pstdev,
    "SUM": math.fsum,
}


def members_of(value: Value) -> list[Series]:
    """Return a time series, or those of a group, as a list.

    Raises
    ------
    ExpressionError
        It is a number.
    """
    if isinstance(value, float):
        raise ExpressionError("a number is no time series")
    return [value] if isinstance(value, Series) else value


def one_series(function: str, value: Value) -> Series:
    """Return a value that must be one time series.

    Raises
    ------
    ExpressionError
        It is none; the message names the function.
    """
    if not isinstance(value, Series):
        raise ExpressionError(f"the function {function} takes a time series here")
    return value


def all_series(values: list[float | Series], name: str) -> list[Series]:
    """Return what a function made of the members of a group.

    Raises
    ------
    ExpressionError
        The function makes numbers of them.
    """
    if any(isinstance(value, float) for value in values):
        raise ExpressionError(f"the function {name} takes one time series, not several")
    return [value for value in values if isinstance(value, Series)]


def combine(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    """Apply an operator: at the times that both series have, and to each series of a group."""
    if isinstance(left, list) or isinstance(right, list):
        lefts = left if isinstance(left, list) else [left] * len(right if isinstance(right, list) else [])
        rights = right if isinstance(right, list) else [right] * len(lefts)
        if len(lefts) != len(rights):
            raise ExpressionError("an operator takes groups with as many time series")
        pairs = [combine(function, a, b) for a, b in zip(lefts, rights, strict=True)]
        return [one_series("operator", pair) for pair in pairs]
    if isinstance(left, float) and isinstance(right, float):
        return number(function, left, right)
    if isinstance(left, Series) and isinstance(right, Series):
        times = [at for at in left.points if at in right.points]
        points = _finite((at, function, (left.points[at], right.points[at])) for at in times)
        return Series(points, max(left.period, right.period))
    if isinstance(left, Series):
        assert isinstance(right, float)
        return Series(_finite((at, function, (v, right)) for at, v in left.points.items()), left.period)
    assert isinstance(right, Series)
    return Series(_finite((at, function, (left, v)) for at, v in right.points.items()), right.period)


def reduced(function: Callable[[list[float]], float], value: Value) -> Value:
    """Reduce a series to a number, or a group, time by time, to a series."""
    if isinstance(value, float):
        return value
    if isinstance(value, Series):
        return float(function(list(value.points.values()))) if value.points else math.nan
    by_time: dict[float, list[float]] = {}
    for series in value:
        for at, each in series.points.items():
            by_time.setdefault(at, []).append(each)
    points = {at: float(function(by_time[at])) for at in sorted(by_time)}
    return Series(points, max((series.period for series in value), default=60))


def _steps(series: Series, change: Callable[[float, float], float]) -> Series:
    """Return what `change` makes of each two neighbours' differences in value and in time."""
    pairs = list(series.points.items())
    return Series(
        {b[0]: change(b[1] - a[1], b[0] - a[0]) for a, b in itertools.pairwise(pairs)},
        series.period,
    )


def _running_sum(series: Series) -> Series:
    total, points = 0.0, {}
    for at, value in series.points.items():
        total += value
        points[at] = total
    return Series(points, series.period)


def repeated(series: Series, times: list[float]) -> dict[float, float]:
    """Fill the gaps of a series with the value before."""
    points, last = {}, None
    for at in times:
        last = series.points.get(at, last)
        if last is not None:
            points[at] = last
    return points


def linear(series: Series, times: list[float]) -> dict[float, float]:
    """Fill the gaps between the values of a series with straight lines."""
    points, known = dict(series.points), list(series.points)
    for before, after in itertools.pairwise(known):
        slope = (points[after] - points[before]) / (after - before)
        points |= {at: points[before] + slope * (at - before) for at in times if before < at < after}
    return points


OF_SERIES: dict[str, Callable[[Series], float | Series]] = {
    "DATAPOINT_COUNT": lambda series: float(len(series.points)),
    "DIFF": lambda series: _steps(series, lambda difference, seconds: difference),
    "DIFF_TIME": lambda series: _steps(series, lambda difference, seconds: seconds),
    "FIRST": lambda series: next(iter(series.points.values()), math.nan),
    "LAST": lambda series: next(reversed(list(series.points.values())), math.nan),
    "METRIC_COUNT": lambda series: 1.0,
    "PERIOD": lambda series: float(series.period),
    "RATE": lambda series: _steps(series, lambda difference, seconds: difference / seconds),
    "RUNNING_SUM": _running_sum,
}
