"""Optimisation: AdamW, a learning rate with warm-up and cosine decay, batches of features."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR


class EagerAdamW(AdamW):
    """AdamW without the wrappers that keep PyTorch's compiler away from an optimizer.

    Their first call imports the compiler, as much as all else that a training of the default network imports.
    Nothing here is compiled, so the methods are called as they are.
    """

    add_param_group = inspect.unwrap(AdamW.add_param_group)
    zero_grad = inspect.unwrap(AdamW.zero_grad)
    state_dict = inspect.unwrap(AdamW.state_dict)
    load_state_dict = inspect.unwrap(AdamW.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(AdamW.step))


def adamw(parts: Sequence[tuple[nn.Module, float]], weight_decay: float) -> AdamW:
    """Return AdamW over the trainable parameters of some modules, each module with its own learning rate.

    Weight decay applies to matrices only: on biases and norms it gains nothing (arXiv:1812.01187).
    """
    groups = []
    for module, lr in parts:
        trained = [p for p in module.parameters() if p.requires_grad]
        groups.append({"params": [p for p in trained if p.ndim > 1], "lr": lr, "weight_decay": weight_decay})
        groups.append({"params": [p for p in trained if p.ndim <= 1], "lr": lr, "weight_decay": 0.0})
    # Fused: one kernel for each step instead of ten small ones for each parameter.
    return EagerAdamW([group for group in groups if group["params"]], fused=True)


def warmup_cosine(optimizer: AdamW, steps: int, warmup: int) -> LambdaLR:
    """Return a schedule: ``warmup`` steps of linear rise, then half a cosine down to zero at ``steps``."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))

    return LambdaLR(optimizer, factor)


class TaughtClassesLoss(nn.Module):
    """Cross-entropy with label smoothing over the classes that have training photos.

    A class without any would otherwise be trained to be improbable, and its prior would count for nothing.
    """

    taught: Tensor
    places: Tensor

    def __init__(self, counts: Tensor, label_smoothing: float) -> None:
        super().__init__()
        self.loss = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
        self.everything = bool((counts > 0).all())
        self.register_buffer("taught", counts.nonzero()[:, 0])
        self.register_buffer("places", (counts > 0).long().cumsum(0) - 1)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of logits (N, classes) against labels (N,)."""
        if self.everything:
            return self.loss(logits, labels)
        return self.loss(logits[:, self.taught], self.places[labels])


class FeatureBatches:
    """Shuffled batches of features in memory, without a DataLoader's cost for each item.

    Each epoch has each picture once, in a view that is drawn for the epoch. Order and views depend on the
    seed and the epoch alone, so a resumed training gets the same ones.
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
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch))
        order = torch.randperm(len(self.labels), generator=generator)
        views = torch.randint(self.values.shape[1], order.shape, generator=generator)
        for chosen, view in zip(order.split(self.batch_size), views.split(self.batch_size), strict=True):
            yield self.values[chosen, view], self.labels[chosen]


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Limit torch to one thread for each operation on a CPU, for operations too small to be shared."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of one epoch's randomness: the same after a resumption as without one."""
    return seed * 1_000_003 + epoch
