"""Coordinates of the charts, which the templates draw as SVG that follows the page's colours.

matplotlib's SVG cannot: its colours are fixed when it is drawn. Each chart has its own small viewBox, so that
its text keeps a readable size on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 360, 210
LEFT, RIGHT, TOP, BOTTOM = 38, 14, 10, 36


@dataclass(frozen=True)
class Axis:
    """Maps values of [low, high] to coordinates of [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return the coordinate of a value."""
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self, count: int = 4) -> list[dict[str, Any]]:
        """Return about ``count`` round values of the axis, each with ``place`` and ``label``."""
        step = _round_step((self.high - self.low) / count)
        digits = max(0, -math.floor(math.log10(step)))
        first = math.ceil(self.low / step - 1e-9)
        values = [
            number * step for number in range(first, first + 20) if number * step <= self.high + 1e-9 * step
        ]
        return [{"place": self.place(value), "label": f"{value:.{digits}f}"} for value in values]


def lines(
    rows: Sequence[dict[str, float]], names: Sequence[str], label: str, *, scale: float = 1
) -> dict[str, Any] | None:
    """Return a chart of columns by epoch; None if no row has any of them.

    Parameters
    ----------
    rows
        One row an epoch: ``epoch`` and the columns ``names``, of which some may be missing.
    label
        What the vertical axis shows.
    scale
        What the values are multiplied with, such as 100 for per cent.
    """
    points = {
        name: [(row["epoch"], row[name] * scale) for row in rows if math.isfinite(row.get(name, math.nan))]
        for name in names
    }
    values = [value for series in points.values() for _, value in series]
    if not values:
        return None
    x = Axis(rows[0]["epoch"], max(rows[-1]["epoch"], rows[0]["epoch"] + 1), LEFT, WIDTH - RIGHT)
    y = Axis(0, round_up(100 if scale == 100 else max(values)), HEIGHT - BOTTOM, TOP)
    return {
        **frame(x, y, "epoch", label),
        "x_ticks": [tick for tick in x.ticks(6) if "." not in tick["label"]],
        "series": [
            " ".join(f"{x.place(epoch)},{y.place(value)}" for epoch, value in series)
            for series in points.values()
        ],
        "last": {name: series[-1][1] for name, series in points.items() if series},
    }


def reliability(bins: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return a reliability diagram of `kennel.report.evaluation.reliability`'s intervals of confidence."""
    x = Axis(0, 100, LEFT, WIDTH - RIGHT)
    y = Axis(0, 100, HEIGHT - BOTTOM, TOP)
    most = max((bin_["count"] for bin_ in bins), default=0)
    bars = [
        {
            "x": x.place(100 * bin_["low"]) + 1,
            "width": x.place(100 * bin_["high"]) - x.place(100 * bin_["low"]) - 2,
            "y": y.place(100 * bin_["accuracy"]),
            "height": round(y.start - y.place(100 * bin_["accuracy"]), 2),
            "opacity": round(0.35 + 0.65 * bin_["count"] / most, 2),
            "title": f"{bin_['count']} photos: confidence {100 * bin_['confidence']:.0f} %, "
            f"right {100 * bin_['accuracy']:.0f} %",
        }
        for bin_ in bins
        if bin_["count"]
    ]
    both = frame(x, y, "confidence (%)", "right (%)")
    return {**both, "bars": bars, "diagonal": (x.start, y.start, x.end, y.end)}


def latency(first: float, warm: Sequence[float]) -> dict[str, Any]:
    """Return a chart of single calls, in milliseconds, in the order in which they were made."""
    calls = [1000 * first, *(1000 * seconds for seconds in warm)]
    x = Axis(0, len(calls), LEFT, WIDTH - RIGHT)
    y = Axis(0, round_up(max(calls)), HEIGHT - BOTTOM, TOP)
    bars = [
        {
            "x": x.place(number) + 2,
            "width": round(x.place(1) - x.place(0) - 4, 2),
            "y": y.place(call),
            "height": round(y.start - y.place(call), 2),
            "first": number == 0,
            "title": f"call {number + 1}: {call:.0f} ms",
        }
        for number, call in enumerate(calls)
    ]
    places = [{"place": x.place(number + 0.5), "label": str(number + 1)} for number in range(len(calls))]
    return {**frame(x, y, "call", "ms"), "x_ticks": places, "bars": bars}


def frame(x: Axis, y: Axis, x_label: str, y_label: str) -> dict[str, Any]:
    """Return what all charts have: their size, and the ticks and labels of both axes."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": x.start,
        "right": x.end,
        "top": y.end,
        "bottom": y.start,
        "x_ticks": x.ticks(5),
        "y_ticks": y.ticks(),
        "x_label": x_label,
        "y_label": y_label,
    }


def _round_step(step: float) -> float:
    """Return the next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def round_up(value: float) -> float:
    """Return a value at or a little above this one, for the end of an axis."""
    step = _round_step(value / 5 or 0.2)
    return math.ceil(value / step - 1e-9) * step or 1.0
