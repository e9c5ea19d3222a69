"""Confusion, worst classes and calibration follow from the predictions that the training wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kennel.report import evaluation
from kennel.report.evaluation import Prediction

ROWS = [
    Prediction("1.jpg", "a", "a", 0.95, 0.95),
    Prediction("2.jpg", "a", "b", 0.55, 0.40),
    Prediction("3.jpg", "b", "b", 0.91, 0.91),
    Prediction("4.jpg", "c", "b", 0.99, 0.01),
    Prediction("5.jpg", "c", "b", 0.62, 0.20),
]


def test_the_matrix_has_the_truth_in_rows() -> None:
    assert evaluation.matrix(ROWS) == [[1, 1, 0], [0, 1, 0], [0, 2, 0]]
    wrong = [cell for cell in evaluation.cells(evaluation.matrix(ROWS)) if not cell["right"]]
    assert [(cell["row"], cell["column"], cell["count"], cell["share"]) for cell in wrong] == [
        (0, 1, 1, 0.5),
        (2, 1, 2, 1.0),
    ]
    assert evaluation.pairs(ROWS)[0] == {"label": "c", "predicted": "b", "count": 2}


def test_the_worst_classes_come_first_and_those_without_errors_not_at_all() -> None:
    worst = evaluation.worst(ROWS)

    assert [(row["name"], row["right"], row["total"]) for row in worst] == [("c", 0, 2), ("a", 1, 2)]
    assert worst[0]["taken_for"] == ["b"]
    assert [row.photo for row in worst[0]["wrong"]] == ["4.jpg", "5.jpg"]
    assert evaluation.least_certain(ROWS)[0].photo == "4.jpg"


def test_reliability_is_accuracy_by_confidence() -> None:
    bins = evaluation.reliability(ROWS)

    assert [(bin_["low"], bin_["count"]) for bin_ in bins if bin_["count"]] == [(0.5, 1), (0.6, 1), (0.9, 3)]
    assert bins[9]["accuracy"] == pytest.approx(2 / 3)
    assert bins[9]["confidence"] == pytest.approx((0.95 + 0.91 + 0.99) / 3)
    assert evaluation.reliability([Prediction("1.jpg", "a", "a", 1.0, 1.0)])[9]["count"] == 1


def test_a_training_that_wrote_no_predictions_has_none(tmp_path: Path) -> None:
    assert evaluation.read(tmp_path) == []
    row = {"photo": "1.jpg", "class": "a", "predicted": "b", "probability": 0.5, "class_probability": 0.25}
    (tmp_path / evaluation.PREDICTIONS).write_text(json.dumps({"test": [row]}))
    assert evaluation.read(tmp_path) == [Prediction("1.jpg", "a", "b", 0.5, 0.25)]
