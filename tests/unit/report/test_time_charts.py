"""Charts over hours: thinned, with stairs, on logarithmic axes."""

from __future__ import annotations

import pytest

from kennel.report import time_charts


def points(series: str) -> list[tuple[float, float]]:
    return [tuple(map(float, point.split(","))) for point in series.split()]  # type: ignore[misc]


def test_a_peak_of_a_minute_stays_visible_in_a_month() -> None:
    values: list[float | None] = [10.0] * 40_000
    values[777] = 2000.0

    chart = time_charts.logarithmic([values], 60.0, "ms")

    drawn = points(chart["series"][0])
    assert len(drawn) <= time_charts.POINTS
    assert min(y for _, y in drawn) == chart["top"], "2000 is the axis's end"
    assert sum(y == chart["bottom"] for _, y in drawn) == len(drawn) - 1


def test_instances_stay_until_they_change() -> None:
    chart = time_charts.linear([[1, 1, 3]], 3600.0, "instances", stairs=True)

    (x1, y1), (x2, y2), _, _, (x5, y5), (x6, y6) = points(chart["series"][0])
    assert y1 == y2 > y5 == y6
    assert x1 < x2 < x5 < x6
    assert x6 == chart["right"]


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (24, ["0", "4", "8", "12", "16", "20", "24"]),
        (4, ["0", "1", "2", "3", "4"]),
        (168, ["0", "48", "96", "144"]),
        (0.5, ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
    ],
)
def test_ticks_are_whole_hours(hours: float, labels: list[str]) -> None:
    chart = time_charts.linear([[1.0] * 60], hours * 60, "")

    assert [tick["label"] for tick in chart["x_ticks"]] == labels


def test_a_logarithmic_axis_has_round_ends_and_ticks() -> None:
    chart = time_charts.logarithmic([[52.0, None, 1900.0], [None, None, None]], 60.0, "ms")

    labels = [tick["label"] for tick in chart["y_ticks"]]
    assert labels == ["50", "100", "200", "500", "1000", "2000"]
    assert chart["y_ticks"][0]["place"] == chart["bottom"]
    assert chart["series"][1] == ""
    wide = time_charts.logarithmic([[0.001, 900_000.0]], 60.0, "ms")
    assert [tick["label"] for tick in wide["y_ticks"]][:2] == ["0.001", "0.01"]


def test_no_traffic_is_no_error() -> None:
    assert time_charts.linear([[None]], 60.0, "")["series"] == [""]
    assert time_charts.linear([[0.0]], 60.0, "")["series"] != [""]
