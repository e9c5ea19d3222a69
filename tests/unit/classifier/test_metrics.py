"""Metrics against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from kennel.classifier import metrics

# three classes; rows: right, right, wrong (2 taken for 0), right
LOGITS = torch.tensor([[4.0, 0, 0], [0, 4.0, 0], [4.0, 0, 3.0], [0, 0, 4.0]])
LABELS = torch.tensor([0, 1, 2, 2])


def test_top_k_counts_the_k_best() -> None:
    assert metrics.top(LOGITS, LABELS, 1) == 0.75
    assert metrics.top(LOGITS, LABELS, 2) == 1.0
    assert metrics.top(LOGITS, LABELS, 5) == 1.0  # fewer classes than k


def test_loss_is_the_mean_cross_entropy() -> None:
    expected = [
        -math.log(math.exp(row[y]) / sum(map(math.exp, row)))
        for row, y in zip(LOGITS.tolist(), LABELS, strict=True)
    ]
    assert metrics.brief(LOGITS, LABELS)["loss"] == pytest.approx(sum(expected) / 4)


def test_confusion_has_the_truth_in_rows() -> None:
    assert metrics.confusion(LOGITS, LABELS).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]


def test_per_class_and_macro_f1() -> None:
    table = metrics.per_class(metrics.confusion(LOGITS, LABELS), ["a", "b", "c"])
    assert [(row["precision"], row["recall"], row["support"]) for row in table] == [
        (0.5, 1, 1),
        (1, 1, 1),
        (1, 0.5, 2),
    ]
    assert metrics.macro_f1(table) == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)


def test_a_class_that_never_occurs_does_not_count() -> None:
    counts = torch.tensor([[2, 0, 0], [0, 2, 0], [0, 0, 0]])
    assert metrics.macro_f1(metrics.per_class(counts, "abc")) == 1.0


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    calibrated = torch.tensor([[0.8, 0.2]]).log().repeat(10, 1)
    labels = torch.tensor([0] * 8 + [1] * 2)
    assert metrics.calibration_error(calibrated, labels) == pytest.approx(0, abs=1e-7)
    overconfident = torch.tensor([[20.0, 0.0]]).repeat(10, 1)
    assert metrics.calibration_error(overconfident, labels) == pytest.approx(0.2, abs=1e-6)


def test_predictions_name_the_photo_its_class_and_what_was_predicted() -> None:
    logits = torch.tensor([[0.75, 0.25], [0.4, 0.6]]).log()

    rows = metrics.predictions(logits, torch.tensor([0, 0]), ["1.jpg", "2.jpg"], ["a", "b"])

    assert [tuple(row.values()) for row in rows] == [
        ("1.jpg", "a", "a", 0.75, 0.75),
        ("2.jpg", "a", "b", 0.6, 0.4),
    ]
