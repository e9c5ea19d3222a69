"""How far a training has come: what an epoch changes, what a checkpoint holds, when it is enough."""

from __future__ import annotations

import copy
import math
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class Learner:
    """What learns, the best that it was, and the epochs so far.

    Parameters
    ----------
    model
        What learns: the whole network, or its head alone.
    epochs, patience
        It ends after so many epochs, or so many in a row without a better validation loss.
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

    def note(self, row: dict[str, Any], val_loss: float, val_top1: float) -> None:
        """Take down an epoch that has passed, and keep the weights if they are the best so far."""
        self.history.append({**row, "val_loss": val_loss, "val_top1": val_top1})
        self.stale += 1
        if val_loss < self.best["val_loss"]:
            self.stale, self.best = 0, {"val_loss": val_loss, "valid_top1": val_top1}
            self.best_state = copy.deepcopy(self.model.state_dict())

    def keep_best(self) -> None:
        """Give what learns the weights that it had at its lowest validation loss."""
        self.model.load_state_dict(self.best_state)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to go on as if nothing had happened: tensors and plain values."""
        return {
            **{name: getattr(self, name) for name in ("epoch", "stale", "history", "best", "best_state")},
            **{name: getattr(self, name).state_dict() for name in ("model", "optimizer", "schedule")},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        for name in ("model", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        for name in ("epoch", "stale", "history", "best", "best_state"):
            setattr(self, name, state[name])
