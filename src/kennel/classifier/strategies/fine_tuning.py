"""The fine-tuning strategy: photos go through the whole network, whose last stages learn with the head."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from kennel.classifier import features
from kennel.classifier.features import Features
from kennel.classifier.loading import PictureBatches, plain_batches
from kennel.classifier.strategies.strategy import Setup, Strategy


class FineTuning(Strategy):
    """Trains the head and the backbone's last stages on augmented photos; the hosts share each step."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.model = self.trained = setup.network

    def read(self, split: str) -> Features:
        """Return the training split's features, on which the head is centred; of other splits the photos.

        The features of other splits would change with every step.
        """
        setup = self.setup
        if split == "train":
            return setup.compute_features(split)
        return features.screen(setup.data.splits[split], setup.hosts, setup.workers)

    def prepare(self, train_set: Features) -> None:
        """Unfreeze the last stages, join the hosts, and load the photos that could be read."""
        setup, chosen = self.setup, self.setup.hyperparameters
        setup.network.unfreeze(chosen.unfreeze)
        if setup.hosts.count > 1:
            self.model = DistributedDataParallel(setup.network, broadcast_buffers=False)
        self.batches = PictureBatches(
            train_set.pictures,
            setup.prepared,
            chosen.batch_size,
            chosen.seed,
            setup.workers,
            setup.device,
            setup.hosts,
        )

    @torch.inference_mode()
    def logits(self, split: Features) -> Tensor:
        """Return the network's logits for the plain view of each photo; each host computes its share."""
        setup = self.setup
        setup.network.eval()
        own = [split.pictures[i] for i in setup.hosts.share(len(split.pictures))]
        size = features.batch_size(setup.device)
        batches = plain_batches(own, setup.prepared, size, setup.workers, setup.device)
        logits = [setup.network(batch).float().cpu() for batch in batches]
        rows = torch.cat(logits) if logits else torch.empty(0, setup.network.head.classes)
        return setup.hosts.gather_rows(rows, len(split.pictures))
