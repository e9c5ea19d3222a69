"""The learning curve as SVG, for embedding in HTML."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any


def draw(rows: Sequence[dict[str, float]]) -> str | None:
    """Plot training and validation loss (cross-entropy) and validation accuracy (%) by epoch.

    Parameters
    ----------
    rows
        One dictionary per epoch with ``epoch, train_loss, val_loss, val_top1``.

    Returns
    -------
    str or None
        An ``<svg>`` element; None if there are no rows.
    """
    if not rows:
        return None
    figure, axes = _figure(1, 2)
    epochs = [row["epoch"] for row in rows]
    for name, label in (("train_loss", "training"), ("val_loss", "validation")):
        axes[0].plot(epochs, [row.get(name) for row in rows], label=label)
    axes[0].set(xlabel="epoch", ylabel="loss (cross-entropy)")
    axes[0].legend(frameon=False)
    axes[1].plot(epochs, [100 * row["val_top1"] for row in rows], color="C1")
    axes[1].set(xlabel="epoch", ylabel="validation top-1 (%)", ylim=(0, 102))
    return _svg(figure)


def _figure(rows: int, columns: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * columns, 3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return figure, axes


def _svg(figure: Any) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
