"""Charts map values to places within their frames."""

from __future__ import annotations

import pytest

from kennel.report import charts


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 100, ["0", "50", "100"]),
        (0, 4, ["0", "1", "2", "3", "4"]),
        (0, 0.4, ["0.0", "0.1", "0.2", "0.3", "0.4"]),
        (1, 20, ["5", "10", "15", "20"]),
    ],
)
def test_ticks_are_round_and_inside(low: float, high: float, labels: list[str]) -> None:
    axis = charts.Axis(low, high, 0, 200)

    ticks = axis.ticks()

    assert [tick["label"] for tick in ticks] == labels
    assert all(0 <= tick["place"] <= 200 for tick in ticks)


def test_a_falling_curve_goes_down_the_page() -> None:
    rows = [{"epoch": 1.0, "val_loss": 4.0}, {"epoch": 2.0, "val_loss": 1.0}]

    chart = charts.lines(rows, ("train_loss", "val_loss"), "loss")

    assert chart is not None
    assert chart["series"][0] == "", "there is no training loss"
    places = [tuple(map(float, point.split(","))) for point in chart["series"][1].split()]
    assert places[0][0] < places[1][0]
    assert places[0][1] < places[1][1]
    assert chart["last"] == {"val_loss": 1.0}
    assert charts.lines(rows, ("train_loss",), "loss") is None


def test_one_epoch_and_losses_that_are_not_numbers_are_no_error() -> None:
    chart = charts.lines(
        [{"epoch": 1.0, "val_loss": float("nan"), "train_loss": 0.0}], ("val_loss", "train_loss"), ""
    )

    assert chart is not None
    assert chart["last"] == {"train_loss": 0.0}


def test_latency_marks_the_first_call() -> None:
    chart = charts.latency(1.2, [0.2, 0.3])

    assert [bar["first"] for bar in chart["bars"]] == [True, False, False]
    heights = [bar["height"] for bar in chart["bars"]]
    assert heights[0] > heights[2] > heights[1] > 0
