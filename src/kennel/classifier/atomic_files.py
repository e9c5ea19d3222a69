"""Files that are either written completely or not at all: JSON, state dicts, tables."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from kennel.classifier import TrainingError

_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")


def write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file through a temporary one in the same folder, so that a crash leaves the old file or none.

    Raises
    ------
    TrainingError
        The disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        remedy = "; free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise TrainingError(f"{path} cannot be written: {error.strerror or error}{remedy}") from error


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document."""
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    write(path, lambda file: file.write(text.encode()))


def write_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state dict of plain CPU tensors, which `torch.load` reads with ``weights_only=True``."""
    plain = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    buffer = io.BytesIO()
    torch.save(plain, buffer)  # to memory first: on a full disk torch's own writer ends in an internal error
    write(path, lambda file: file.write(buffer.getbuffer()))


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of equal keys as CSV."""
    header = list(rows[0]) if rows else []
    _write_rows(path, [header, *([row[name] for name in header] for row in rows)])


def write_matrix(path: Path, counts: Tensor, classes: Sequence[str]) -> None:
    """Write a confusion matrix (C, C) as CSV: true class by row, predicted class by column."""
    rows = [
        ["true \\ predicted", *classes],
        *([name, *row] for name, row in zip(classes, counts.tolist(), strict=True)),
    ]
    _write_rows(path, rows)


def _write_rows(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    write(path, lambda file: file.write(text.getvalue().encode()))


def _cell(value: Any) -> Any:
    """Return what a cell holds: a text that a spreadsheet would calculate (a class ``=1+1``) is quoted."""
    if isinstance(value, str) and value.startswith(_FORMULA_BEGINNINGS):
        return f"'{value}"
    return value
