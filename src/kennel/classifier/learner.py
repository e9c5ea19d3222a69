"""The state of a training: what an epoch changes, what a checkpoint contains, when training ends."""

from __future__ import annotations

import copy
import math
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class Learner:
    """The module that is trained, its best weights, and the epochs so far.

    Parameters
    ----------
    model
        What is trained: the whole network, or its head alone.
    epochs, patience
        Training ends after so many epochs, or after so many in a row without a better validation loss.
    """

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, schedule: LRScheduler, epochs: int, patience: int
    ) -> None:
        self.model, self.optimizer, self.schedule = model, optimizer, schedule
        self.epochs, self.patience = epochs, patience
        self.epoch, self.stale = 0, 0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, float] = {"val_loss": math.inf, "valid_top1": 0.0}
        self.best_state = copy.deepcopy(model.state_dict())

    @property
    def ended(self) -> bool:
        """Whether no further epoch follows."""
        return self.epoch >= self.epochs or self.stale >= self.patience

    def add_epoch(self, row: dict[str, Any], val_loss: float, val_top1: float) -> None:
        """Add an epoch to the history, and keep the weights if they are the best so far."""
        self.history.append({**row, "val_loss": val_loss, "val_top1": val_top1})
        self.stale += 1
        if val_loss < self.best["val_loss"]:
            self.stale, self.best = 0, {"val_loss": val_loss, "valid_top1": val_top1}
            self.best_state = copy.deepcopy(self.model.state_dict())

    def keep_best(self) -> None:
        """Load the weights of the epoch with the lowest validation loss."""
        self.model.load_state_dict(self.best_state)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to continue without a difference: tensors and plain values."""
        return {
            **{name: getattr(self, name) for name in ("epoch", "stale", "history", "best", "best_state")},
            **{name: getattr(self, name).state_dict() for name in ("model", "optimizer", "schedule")},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        for name in ("model", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        for name in ("epoch", "stale", "history", "best", "best_state"):
            setattr(self, name, state[name])
