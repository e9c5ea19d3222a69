"""How good a classifier is: loss, top-1, top-5."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor


def top(logits: Tensor, labels: Tensor, k: int) -> float:
    """Return the share of rows whose label is among the ``k`` largest of its logits (N, C)."""
    best = logits.topk(min(k, logits.shape[1])).indices
    return (best == labels[:, None]).any(dim=1).double().mean().item()


def brief(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Return loss, top-1 and top-5 of logits (N, C) against labels (N,)."""
    loss = F.cross_entropy(logits.double(), labels).item()
    return {"loss": loss, "top1": top(logits, labels, 1), "top5": top(logits, labels, 5)}
