"""The values of a Logs Insights query: how they compare, what functions make of them, how they are shown.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
"""

from __future__ import annotations

import math
import operator as operators
import re
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

Value = Any  # a string, a number, a boolean, or None where a log event has no such field
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
LONG_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
SECONDS = UNITS | LONG_UNITS | {f"{unit}s": seconds for unit, seconds in LONG_UNITS.items()}


COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


class Moment(float):
    """A time in milliseconds since the epoch, which is shown as a date."""


def number(value: Value) -> float | None:
    """Return a value as a number; None if it is none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def shown(value: Value) -> str:
    """Return a value as GetQueryResults shows it."""
    if isinstance(value, Moment):
        moment = datetime.fromtimestamp(value / 1000, UTC)
        return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return (
            str(int(value))
            if value.is_integer() and abs(value) < 1e15
            else f"{value:.4f}".rstrip("0").rstrip(".")
        )
    return str(value)


def compare(operator: str, left: Value, right: Value) -> bool:
    """Compare as numbers where both are numbers, else as texts; nothing compares with a missing field."""
    if left is None or right is None:
        return False
    numbers = number(left), number(right)
    a, b = (shown(left), shown(right)) if None in numbers else numbers
    return bool(COMPARISONS[operator](a, b))


def arithmetic(operator: str, left: Value, right: Value) -> Value:
    """Calculate; what is no number, or is divided by zero, gives nothing."""
    a, b = number(left), number(right)
    if a is None or b is None:
        return None
    try:
        if operator == "+":
            return a + b
        if operator == "-":
            return a - b
        if operator == "*":
            return a * b
        if operator == "/":
            return a / b
        if operator == "%":
            return math.fmod(a, b)
        return a**b
    except (ArithmeticError, ValueError):
        return None


def floored(value: Value, seconds: float) -> Value:
    """Return a time rounded down to a multiple of so many seconds."""
    at = number(value)
    return None if at is None else Moment(math.floor(at / 1000 / seconds) * seconds * 1000)


def _text(function: Callable[..., Value]) -> Callable[..., Value]:
    return lambda *values: None if values[0] is None else function(shown(values[0]), *values[1:])


def _numeric(function: Callable[[float], float]) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        known = number(value)
        try:
            return None if known is None else float(function(known))
        except ValueError:
            return None

    return apply


def _substring(text: str, start: Value, length: Value = None) -> str:
    begin = int(number(start) or 0)
    return text[begin:] if length is None else text[begin : begin + int(number(length) or 0)]


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": _numeric(abs),
    "ceil": _numeric(math.ceil),
    "floor": _numeric(math.floor),
    "sqrt": _numeric(math.sqrt),
    "log": _numeric(math.log),
    "greatest": lambda *values: max((each for each in map(number, values) if each is not None), default=None),
    "least": lambda *values: min((each for each in map(number, values) if each is not None), default=None),
    "ispresent": lambda value: value is not None,
    "coalesce": lambda *values: next((each for each in values if each is not None), None),
    "isempty": lambda value: value is None or shown(value) == "",
    "isblank": lambda value: value is None or not shown(value).strip(),
    "concat": lambda *values: "".join(shown(each) for each in values if each is not None),
    "strlen": _text(lambda text: float(len(text))),
    "toupper": _text(str.upper),
    "tolower": _text(str.lower),
    "trim": _text(str.strip),
    "ltrim": _text(str.lstrip),
    "rtrim": _text(str.rstrip),
    "strcontains": _text(lambda text, part: shown(part) in text),
    "replace": _text(lambda text, old, new: text.replace(shown(old), shown(new))),
    "substr": _text(_substring),
    "frommillis": lambda value: None if number(value) is None else Moment(number(value) or 0),
    "tomillis": lambda value: None if number(value) is None else float(number(value) or 0),
}


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, as a nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def aggregate(name: str, values: list[Value], percent: float | None = None) -> Value:
    """Return an aggregate of the values of a group, those that are missing left out.

    Parameters
    ----------
    values
        In the order of their times.
    percent
        For ``pct``.
    """
    present = [value for value in values if value is not None]
    if name == "count":
        return float(len(present))
    if name == "count_distinct":
        return float(len({shown(value) for value in present}))
    if name in ("earliest", "latest"):
        return (present or [None])[0 if name == "earliest" else -1]
    if name in ("sortsfirst", "sortslast"):
        ordered = sorted(present, key=sort_key)
        return (ordered or [None])[0 if name == "sortsfirst" else -1]
    numbers = [known for value in present if (known := number(value)) is not None]
    if not numbers:
        return None
    if name == "pct":
        return percentile(numbers, percent or 0)
    return AGGREGATES[name](numbers)


AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "median": lambda values: percentile(values, 50),
    "stddev": statistics.pstdev,
}
AGGREGATE_NAMES = {
    *AGGREGATES,
    "count",
    "count_distinct",
    "earliest",
    "latest",
    "sortsfirst",
    "sortslast",
    "pct",
}


def sort_key(value: Value) -> tuple[int, float, str]:
    """Return what orders values: numbers by size, before texts; what is missing comes first."""
    known = number(value)
    if value is None:
        return 0, 0.0, ""
    return (1, known, "") if known is not None else (2, 0.0, shown(value))


def matches(value: Value, pattern: re.Pattern[str]) -> bool:
    """Whether a pattern occurs in a value."""
    return value is not None and pattern.search(shown(value)) is not None
