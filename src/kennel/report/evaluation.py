"""What the predictions for the test photos show: confused classes, the worst classes, calibration."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREDICTIONS = "predictions.json"  # written by kennel.classifier.records
SMALL = 12  # classes whose matrix is shown as a table; more are a heat map
INTERVALS = 10
WORST = 6
PAIRS = 8


@dataclass(frozen=True)
class Prediction:
    """What was predicted for one test photo, named by its path in the data folder."""

    photo: str
    label: str
    predicted: str
    probability: float
    class_probability: float

    @property
    def right(self) -> bool:
        """Whether the prediction is the photo's class."""
        return self.label == self.predicted


def read(records: Path) -> list[Prediction]:
    """Return the predictions for the test photos; none if the training wrote none."""
    path = records / PREDICTIONS
    if not path.is_file():
        return []
    return [
        Prediction(
            str(row["photo"]),
            str(row["class"]),
            str(row["predicted"]),
            float(row["probability"]),
            float(row["class_probability"]),
        )
        for row in json.loads(path.read_text(encoding="utf-8"))["test"]
    ]


def classes(predictions: Sequence[Prediction]) -> list[str]:
    """Return the classes that occur, sorted."""
    return sorted({name for row in predictions for name in (row.label, row.predicted)})


def matrix(predictions: Sequence[Prediction]) -> list[list[int]]:
    """Return the counts of true class (row) against predicted class (column), of `classes`."""
    names = classes(predictions)
    counts = Counter((row.label, row.predicted) for row in predictions)
    return [[counts[label, predicted] for predicted in names] for label in names]


def cells(counts: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """Return the cells of a confusion matrix that are not empty, with their share of the row's photos."""
    return [
        {"row": i, "column": j, "count": count, "share": round(count / sum(row), 3), "right": i == j}
        for i, row in enumerate(counts)
        for j, count in enumerate(row)
        if count
    ]


def pairs(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Return the pairs of classes that were confused most often: ``label``, ``predicted``, ``count``."""
    wrong = Counter((row.label, row.predicted) for row in predictions if not row.right)
    ordered = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:PAIRS]
    return [{"label": pair[0], "predicted": pair[1], "count": count} for pair, count in ordered]


def worst(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Return the classes with the smallest share of photos that were right, without those that all were.

    Returns
    -------
    list of dict
        ``name``, ``right``, ``total``, ``taken_for`` (class names), ``wrong`` (the predictions).
    """
    rows: list[dict[str, Any]] = []
    for name in sorted({row.label for row in predictions}):
        own = [row for row in predictions if row.label == name]
        wrong = [row for row in own if not row.right]
        if wrong:
            taken_for = [predicted for predicted, _ in Counter(row.predicted for row in wrong).most_common(3)]
            right = len(own) - len(wrong)
            rows.append(
                {"name": name, "right": right, "total": len(own), "taken_for": taken_for, "wrong": wrong}
            )
    return sorted(rows, key=lambda row: (row["right"] / row["total"], -len(row["wrong"])))[:WORST]


def least_certain(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Return the photos whose own class was least probable."""
    return sorted(predictions, key=lambda row: row.class_probability)[:WORST]


def reliability(predictions: Sequence[Prediction]) -> list[dict[str, float]]:
    """Return how often predictions were right by how probable they were, in equal intervals.

    Returns
    -------
    list of dict
        ``low``, ``high``, ``count``, and the means ``confidence`` and ``accuracy`` (0 where there is none).
    """
    bins: list[list[Prediction]] = [[] for _ in range(INTERVALS)]
    for row in predictions:
        bins[min(int(row.probability * INTERVALS), INTERVALS - 1)].append(row)
    return [
        {
            "low": number / INTERVALS,
            "high": (number + 1) / INTERVALS,
            "count": len(rows),
            "confidence": sum(row.probability for row in rows) / (len(rows) or 1),
            "accuracy": sum(row.right for row in rows) / (len(rows) or 1),
        }
        for number, rows in enumerate(bins)
    ]
