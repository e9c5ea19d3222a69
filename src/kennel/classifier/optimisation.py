"""How weights move: AdamW, a learning rate that warms up and falls along a cosine, batches of features."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR


def adamw(parameters: list[nn.Parameter], lr: float, weight_decay: float) -> AdamW:
    """Return AdamW that decays matrices only: decaying biases and norms gains nothing (arXiv:1812.01187)."""
    trained = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=lr)


def warmup_cosine(optimizer: AdamW, steps: int, warmup: int) -> LambdaLR:
    """Return a schedule: ``warmup`` steps of linear rise, then half a cosine down to zero at ``steps``."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))

    return LambdaLR(optimizer, factor)


class FeatureBatches:
    """Shuffled batches of features in memory: a DataLoader's job without its cost per item.

    The order of an epoch depends on the seed and the epoch alone, so a resumed training sees the same.
    """

    def __init__(self, values: Tensor, labels: Tensor, batch_size: int, seed: int) -> None:
        self.values, self.labels, self.batch_size, self.seed = values, labels, batch_size, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.labels), generator=generator).to(self.values.device)
        for chosen in order.split(self.batch_size):
            yield self.values[chosen], self.labels[chosen]
