"""Metrics of a classifier: loss, top-1, top-5, macro-F1, calibration, confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor

CALIBRATION_BINS = 15


def top(logits: Tensor, labels: Tensor, k: int) -> float:
    """Return the share of rows whose label is among the ``k`` largest of its logits (N, C)."""
    best = logits.topk(min(k, logits.shape[1])).indices
    return (best == labels[:, None]).any(dim=1).double().mean().item()


def confusion(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the counts (C, C) of true class (row) against predicted class (column)."""
    classes = logits.shape[1]
    return torch.bincount(labels * classes + logits.argmax(1), minlength=classes**2).reshape(classes, classes)


def calibration_error(logits: Tensor, labels: Tensor, bins: int = CALIBRATION_BINS) -> float:
    """Return the expected calibration error (arXiv:1706.04599): mean gap of confidence and accuracy.

    Predictions are sorted into ``bins`` equal intervals of confidence; a gap counts by its share.
    """
    confidence, predicted = torch.softmax(logits.double(), dim=1).max(dim=1)
    right = (predicted == labels).double()
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, place, confidence - right)
    return (gaps.abs().sum() / len(labels)).item()


def per_class(counts: Tensor, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and support of each class from a confusion matrix; 0 where undefined."""
    rows = []
    for i, name in enumerate(classes):
        hit, support, predicted = int(counts[i, i]), int(counts[i].sum()), int(counts[:, i].sum())
        recall, precision = hit / support if support else 0.0, hit / predicted if predicted else 0.0
        f1 = 2 * hit / (support + predicted) if support + predicted else 0.0
        row = {"class": name, "support": support, "predicted": predicted}
        rows.append(row | {"precision": precision, "recall": recall, "f1": f1})
    return rows


def macro_f1(table: Sequence[dict[str, Any]]) -> float:
    """Return the mean F1 over the classes that occur among labels or predictions."""
    scores = [row["f1"] for row in table if row["support"] or row["predicted"]]
    return sum(scores) / len(scores)


def brief(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Return loss, top-1 and top-5 of logits (N, C) against labels (N,)."""
    loss = F.cross_entropy(logits.double(), labels).item()
    return {"loss": loss, "top1": top(logits, labels, 1), "top5": top(logits, labels, 5)}


def predictions(
    logits: Tensor, labels: Tensor, photos: Sequence[str], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Return what was predicted for each photo, with the softmax probabilities of that and of its class.

    Parameters
    ----------
    photos
        A name for each of the N rows.

    Returns
    -------
    list of dict
        ``photo``, ``class``, ``predicted``, ``probability`` of the predicted class, ``class_probability``.
    """
    shares = torch.softmax(logits.double(), dim=1)
    best = shares.max(dim=1)
    own = shares.gather(1, labels[:, None])[:, 0]
    columns = (labels.tolist(), best.indices.tolist(), best.values.tolist(), own.tolist())
    return [
        {
            "photo": photo,
            "class": classes[label],
            "predicted": classes[predicted],
            "probability": round(probability, 6),
            "class_probability": round(class_probability, 6),
        }
        for photo, label, predicted, probability, class_probability in zip(photos, *columns, strict=True)
    ]
