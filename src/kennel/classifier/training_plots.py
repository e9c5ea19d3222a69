"""Plots of the learning curves and the confusion matrix, where matplotlib is installed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from kennel import class_names
from kennel.classifier import atomic_files


def draw(
    model_dir: Path, history: Sequence[Mapping[str, Any]], counts: Tensor, classes: Sequence[str]
) -> bool:
    """Write ``curves.png`` and ``confusion.png``; return whether matplotlib is installed.

    Parameters
    ----------
    model_dir
        Folder of the model.
    history
        One row for each epoch: ``epoch``, ``train_loss``, ``val_loss``, ``val_top1``.
    counts
        Confusion matrix (C, C), true class by row.
    classes
        The C class folders.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False  # not in every training container
    epochs = [row["epoch"] for row in history]
    curves = Figure(figsize=(9, 3.5), layout="constrained")
    losses, accuracy = curves.subplots(1, 2)
    for name in ("train_loss", "val_loss"):
        losses.plot(epochs, [row[name] for row in history], label=name)
    losses.set(xlabel="epoch", ylabel="cross-entropy")
    losses.legend()
    accuracy.plot(epochs, [row["val_top1"] for row in history], color="tab:green")
    accuracy.set(xlabel="epoch", ylabel="validation top-1", ylim=(0, 1.02))
    _save(curves, model_dir / "curves.png")

    side = 3 + 0.09 * len(classes)
    matrix = Figure(figsize=(side + 1.5, side + 1), layout="constrained")
    axes = matrix.subplots()
    shares = counts.double() / counts.sum(1, keepdim=True).clamp_min(1)
    image = axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    names = _drawable([class_names.readable(name) for name in classes])
    size = 5 if len(classes) > 30 else 8
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(range(len(names)), names, fontsize=size, parse_math=False)
    axes.set(xlabel="predicted", ylabel="true")
    matrix.colorbar(image, shrink=0.7)
    _save(matrix, model_dir / "confusion.png")
    return True


def _drawable(names: Sequence[str]) -> list[str]:
    """Return names as they are drawn: where the font lacks a letter, a number says more than boxes."""
    from matplotlib import font_manager

    letters = font_manager.get_font(font_manager.findfont(font_manager.FontProperties())).get_charmap()
    drawn = [all(ord(letter) in letters for letter in name) for name in names]
    return [name if drawn[index] else f"class {index}" for index, name in enumerate(names)]


def _save(figure: Any, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    atomic_files.write(path, lambda file: file.write(buffer.getbuffer()))
