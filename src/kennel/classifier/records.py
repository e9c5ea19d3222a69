"""What a training leaves in its model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from kennel.classifier import atomic_files, joblog, learned, training_plots


@dataclass(frozen=True)
class Records:
    """A trained model and what is known of its training.

    Parameters
    ----------
    state
        The network's state dict.
    model
        The network's description, see `kennel.classifier.networks.description`.
    metrics
        Test and validation metrics, epochs and seconds.
    learned
        What the model learnt from, see `kennel.classifier.learned`.
    run
        How to train it again, see `kennel.classifier.provenance.origin`.
    history
        One row an epoch.
    classes
        Names of the C classes.
    per_class
        Precision, recall, F1 and support of each class.
    confusion
        Counts (C, C) of true class by row, predicted class by column.
    predictions
        One row a test photo, see `kennel.classifier.metrics.predictions`.
    """

    state: Mapping[str, Tensor]
    model: Mapping[str, Any]
    metrics: Mapping[str, Any]
    learned: Mapping[str, Any]
    run: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    classes: Sequence[str]
    per_class: Sequence[Mapping[str, Any]]
    confusion: Tensor
    predictions: Sequence[Mapping[str, Any]]


def write(folder: Path, records: Records, *, plots: bool = True) -> None:
    """Write the model and its records, each file completely or not at all.

    Parameters
    ----------
    plots
        Draw the learning curves and the confusion matrix too.

    Raises
    ------
    TrainingError
        The disk is full or the folder cannot be written.
    """
    atomic_files.write_state(folder / "model.pth", records.state)
    atomic_files.write_json(folder / "model.json", records.model)
    atomic_files.write_json(folder / "metrics.json", records.metrics)
    atomic_files.write_json(folder / learned.FILE, records.learned)
    atomic_files.write_json(folder / "run.json", records.run)
    atomic_files.write_json(folder / "predictions.json", {"test": records.predictions})
    atomic_files.write_table(folder / "history.csv", records.history)
    atomic_files.write_table(folder / "classes.csv", records.per_class)
    atomic_files.write_matrix(folder / "confusion.csv", records.confusion, records.classes)
    if plots and not training_plots.draw(folder, records.history, records.confusion, records.classes):
        joblog.print_line("no plots: matplotlib is not installed here")
