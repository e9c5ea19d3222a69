"""Checkpoints, from which an interrupted training reaches the same metrics as an uninterrupted one."""

from __future__ import annotations

import io
import time
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from kennel.classifier import atomic_files


class Checkpoint:
    """The last state of a training, in one file that is replaced as a whole.

    Parameters
    ----------
    folder
        Its folder (SageMaker copies ``/opt/ml/checkpoints`` to S3 and back); None for no checkpoints.
    identity
        What must be equal for a checkpoint to be continued: data, network and hyperparameters.
    every_seconds
        Least time between two writes: an epoch on features takes milliseconds, and a write after each would
        cost more than repeating a few epochs.
    """

    def __init__(self, folder: Path | None, identity: dict[str, Any], every_seconds: float = 2.0) -> None:
        self.every_seconds = every_seconds
        self.path = folder / "checkpoint.pth" if folder else None
        self.identity = identity
        self._written = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """Return the state that was written last for the same training, or None."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            contents = torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, ValueError, EOFError, UnpicklingError):
            return None  # written by another program: `write` replaces the file completely or not at all
        same = isinstance(contents, dict) and contents.get("identity") == self.identity
        return contents["state"] if same else None

    def write(self, state: dict[str, Any], *, now: bool = False) -> None:
        """Write a state of tensors and plain values if the last one is old enough, or ``now``.

        Raises
        ------
        TrainingError
            The disk is full.
        """
        if self.path is None or not (now or time.monotonic() - self._written >= self.every_seconds):
            return
        buffer = io.BytesIO()
        torch.save({"identity": self.identity, "state": state}, buffer)
        atomic_files.write(self.path, lambda file: file.write(buffer.getbuffer()))
        self._written = time.monotonic()
