"""What a model learnt from, and what it knew before: recorded by a training, shown with every answer.

The record is ``learned.json`` in a model folder: ``photos`` (``drawn`` by the sample, a person's ``own``,
or ``none``), ``train`` (the number of training photos), ``classes``, ``prior``, and ``known_classes`` (those
that ImageNet knows).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kennel.classifier.data import DRAWN_MARKER

if TYPE_CHECKING:
    from kennel.classifier.data.folder import Folder

FILE = "learned.json"


def record(photos: str, train: int, classes: int, known_classes: int) -> dict[str, Any]:
    """Return the record; the prior is ``imagenet`` if ImageNet knows some of the classes and was asked."""
    return {
        "photos": photos,
        "train": train,
        "classes": classes,
        "prior": "imagenet" if known_classes else "none",
        "known_classes": known_classes,
    }


def kind_of(data: Folder) -> str:
    """Return ``drawn`` for a folder that holds what the sample drew, and nothing else; otherwise ``own``."""
    try:
        drawn = json.loads((data.root / DRAWN_MARKER).read_text(encoding="utf-8"))
        counts = {split: drawn["classes"] * drawn["per_class"].get(split, 0) for split in data.splits}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "own"
    return "drawn" if counts == {split: len(items) for split, items in data.splits.items()} else "own"


def sentence(learned: Mapping[str, Any]) -> str:
    """Return the record as one line for people."""
    kind = {"drawn": "drawn photos", "own": "photos of your own"}.get(learned["photos"])
    source = f"learnt from {learned['train']} {kind}" if kind else "learnt from no photos"
    known, classes = learned["known_classes"], learned["classes"]
    before = f"ImageNet knew {known} of the {classes} classes" if known else "nothing was known before"
    return f"{source}, {classes} classes; {before}"
