"""Charts over hours, in the frame of `kennel.report.charts`: traffic, instances, latency of a simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from kennel.report.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, frame, round_up

POINTS = 320  # about the units of a chart's width
HOUR = 3600.0
HOURS = (1, 2, 3, 4, 6, 12, 24, 48, 120, 240)

Values = Sequence[float | None]


class LogAxis(Axis):
    """A logarithmic axis of values above 0, with ticks at 1, 2 and 5 times the powers of ten."""

    def place(self, value: float) -> float:
        """Return the coordinate of a value."""
        share = math.log(max(value, self.low) / self.low) / (math.log(self.high / self.low) or 1)
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self, count: int = 4) -> list[dict[str, Any]]:
        """Return the round values of the axis: powers of ten alone if there are more than 2 x ``count``."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for factors in ((1, 2, 5), (1,)):
            values = [factor * 10.0**power for power in powers for factor in factors]
            inside = [value for value in values if self.low <= value <= self.high * (1 + 1e-9)]
            if len(inside) <= 2 * count:
                break
        return [{"place": self.place(value), "label": f"{value:g}"} for value in inside]


def linear(series: Sequence[Values], step: float, label: str, *, stairs: bool = False) -> dict[str, Any]:
    """Return a chart of values from 0 on.

    Parameters
    ----------
    series
        Lists of values, one every ``step`` seconds; None where there is none.
    stairs
        Whether a value stays until the next: each is drawn as the highest of its point.
    """
    thinned = [_thinned(values, max if stairs else _mean) for values in series]
    highest = max((value for values in thinned for value in values if value is not None), default=1.0)
    y = Axis(0, round_up(highest), HEIGHT - BOTTOM, TOP)
    return _chart(thinned, len(series[0]) * step / HOUR, y, label, stairs)


def logarithmic(series: Sequence[Values], step: float, label: str) -> dict[str, Any]:
    """Return a chart of values above 0, each point the highest of its time, on a logarithmic axis."""
    thinned = [_thinned(values, max) for values in series]
    known = [value for values in thinned for value in values if value is not None and value > 0] or [1.0]
    y = LogAxis(_round_down(min(known)), _round_up(max(known)), HEIGHT - BOTTOM, TOP)
    return _chart(thinned, len(series[0]) * step / HOUR, y, label, stairs=False)


def _chart(series: Sequence[Values], hours: float, y: Axis, label: str, stairs: bool) -> dict[str, Any]:
    x = Axis(0, hours, LEFT, WIDTH - RIGHT)
    return {
        **frame(x, y, "hours", label),
        "x_ticks": _hours(x),
        "series": [_points(values, x, y, hours, stairs) for values in series],
    }


def _hours(x: Axis) -> list[dict[str, Any]]:
    """Return ticks at whole hours or days, for at most seven."""
    every = next((each for each in HOURS if x.high / each <= 6), HOURS[-1])
    if x.high < HOURS[0]:
        return x.ticks(5)
    return [{"place": x.place(hour), "label": str(hour)} for hour in range(0, int(x.high) + 1, every)]


def _points(values: Values, x: Axis, y: Axis, hours: float, stairs: bool) -> str:
    width = hours / len(values)
    points = []
    for number, value in enumerate(values):
        if value is None:
            continue
        if stairs:
            points += [(number * width, value), ((number + 1) * width, value)]
        else:
            points.append(((number + 0.5) * width, value))
    return " ".join(f"{x.place(hour)},{y.place(value)}" for hour, value in points)


def _thinned(values: Values, join: Callable[[list[float]], float]) -> Values:
    """Return at most `POINTS` values, each of as many neighbours."""
    size = math.ceil(len(values) / POINTS)
    groups = (values[begin : begin + size] for begin in range(0, len(values), size))
    known = ([value for value in group if value is not None] for group in groups)
    return [join(group) if group else None for group in known]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= value * (1 + 1e-9))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return min(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))
