"""The frozen strategy: features are computed once, and the head alone learns from them."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor

from kennel.classifier.features import Features
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
        self.batches = FeatureBatches(values, labels, chosen.batch_size, chosen.seed)

    @torch.inference_mode()
    def logits(self, split: Features) -> Tensor:
        """Return the head's logits for the plain view of each photo."""
        self.setup.network.eval()
        return self.setup.network.head(split.values[:, 0].to(self.setup.device)).cpu()

    def threads(self) -> AbstractContextManager[None]:
        """Return a context with one thread: operations on a head are too small to be shared."""
        return one_thread(self.setup.device)
