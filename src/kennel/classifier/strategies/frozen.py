"""The frozen strategy: features are computed once, and the head alone learns from them."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from kennel.classifier.features import Features
from kennel.classifier.networks import Head
from kennel.classifier.optimisation import FeatureBatches, one_thread
from kennel.classifier.strategies.strategy import Setup, Strategy


class FrozenBackbone(Strategy):
    """Trains the head on features in memory, in the same way on every host: there is nothing to share."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.model = self.trained = setup.network.head

    def read(self, split: str) -> Features:
        """Return a split's features; those of the training split in all augmented views."""
        views = self.setup.hyperparameters.views if split == "train" else 0
        return self.setup.compute_features(split, views)

    def prepare(self, train_set: Features) -> None:
        """Put the training features into the device's memory."""
        chosen, device = self.setup.hyperparameters, self.setup.device
        values, labels = train_set.values.to(device), train_set.labels.to(device)
        if self.setup.network.prior is not None:
            with torch.no_grad():  # the prior does not change, so it is computed once, as the features are
                known = torch.stack([self.setup.network.prior(view) for view in values.unbind(1)], 1)
            values, self.model = torch.cat([values, known], 2), _HeadOnPrior(self.setup.network.head)
        self.batches = FeatureBatches(values, labels, chosen.batch_size, chosen.seed)

    @torch.inference_mode()
    def logits(self, split: Features) -> Tensor:
        """Return the logits for the plain view of each photo."""
        self.setup.network.eval()
        return self.setup.network.classify(split.values[:, 0].to(self.setup.device)).cpu()

    def threads(self) -> AbstractContextManager[None]:
        """Return a context with one thread: operations on a head are too small to be shared."""
        return one_thread(self.setup.device)


class _HeadOnPrior(nn.Module):
    """A head that learns what a prior does not explain, from features with the prior's logits behind them."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, F + classes) to logits (N, classes)."""
        features, known = inputs.split([self.head.centre.numel(), self.head.classes], dim=1)
        return self.head(features) + known
