"""What the training loop expects of a training strategy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kennel.classifier import features
from kennel.classifier.data.folder import Folder
from kennel.classifier.distributed import Hosts
from kennel.classifier.feature_store import FeatureStore
from kennel.classifier.features import Features
from kennel.classifier.hyperparameters import Hyperparameters
from kennel.classifier.joblog import ThrottledProgress
from kennel.classifier.loading import PictureBatches
from kennel.classifier.networks import Network, Preprocessing
from kennel.classifier.optimisation import FeatureBatches


@dataclass(frozen=True)
class Setup:
    """What a training works with, whatever its strategy."""

    hyperparameters: Hyperparameters
    data: Folder
    network: Network
    prepared: Preprocessing
    store: FeatureStore
    hosts: Hosts
    device: torch.device
    workers: int

    def compute_features(self, split: str, views: int = 0) -> Features:
        """Return a split's features, from the store as far as it has them."""
        return features.collect(
            self.network.backbone,
            self.data.splits[split],
            self.prepared,
            self.store,
            views=views,
            hosts=self.hosts,
            workers=self.workers,
            device=self.device,
            progress=ThrottledProgress(f"{self.hosts.name}, {split}").report,
        )


class Strategy(ABC):
    """How a network learns from labelled photos.

    Attributes
    ----------
    model
        Maps the inputs in ``batches`` to logits; gradient steps are taken through it.
    trained
        The module whose weights change: what checkpoints and the best epoch's weights consist of.
    batches
        Inputs and labels of one epoch; set by `prepare`.
    """

    model: nn.Module
    trained: nn.Module
    batches: FeatureBatches | PictureBatches

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    @abstractmethod
    def read(self, split: str) -> Features:
        """Return what the strategy needs of a split: its features, or its readable photos alone."""

    @abstractmethod
    def prepare(self, train_set: Features) -> None:
        """Set ``model`` and ``batches`` for training on a split that `read` returned."""

    @abstractmethod
    def logits(self, split: Features) -> Tensor:
        """Return the logits (N, classes) of a split that `read` returned, on the CPU, on every host."""

    def threads(self) -> AbstractContextManager[None]:
        """Return a context in which one epoch runs with the number of threads that suits it."""
        return nullcontext()
