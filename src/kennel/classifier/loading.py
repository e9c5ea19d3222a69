"""Batches of augmented pictures for fine-tuning, each host's share, decoded in worker processes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from kennel.classifier import augment
from kennel.classifier.data.folder import Picture
from kennel.classifier.distributed import Hosts
from kennel.classifier.networks import Preprocessing

# Without a timeout, DataLoader waits forever for a worker that failed to send its batch.
TIMEOUT_SECONDS = 300


def _workers(most: int, pictures: int, size: int) -> dict[str, Any]:
    """Return a loader's options for at most so many processes, which are started anew in each epoch.

    A single batch is loaded by this process, since there is nothing that it could do meanwhile.
    """
    batches = math.ceil(pictures / size)
    workers = min(most, batches) if batches > 1 else 0
    return {"num_workers": workers, "timeout": TIMEOUT_SECONDS if workers else 0}


class Pictures(Dataset):
    """Labelled pictures as uint8 pixels (crop, crop, 3), augmented if there is a ``seed``."""

    def __init__(self, items: Sequence[Picture], prepared: Preprocessing, seed: int | None = None) -> None:
        self.items, self.prepared, self.seed, self.epoch = items, prepared, seed, 0

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        item = self.items[index]
        seed = None if self.seed is None else f"{self.seed}/{self.epoch}/{index}"
        pixels = augment.view(item.path.read_bytes(), self.prepared, seed)
        return torch.from_numpy(pixels.copy()), item.label


class PictureBatches:
    """Shuffled, augmented batches of normalised pictures on a device; the interface is `FeatureBatches`'s.

    ``batch_size`` counts the pictures of one step over all hosts.
    """

    def __init__(
        self,
        items: Sequence[Picture],
        prepared: Preprocessing,
        batch_size: int,
        seed: int,
        workers: int,
        device: torch.device,
        hosts: Hosts,
    ) -> None:
        self.prepared, self.device = prepared, device
        self.dataset = Pictures(items, prepared, seed)
        self.sampler: DistributedSampler = DistributedSampler(
            self.dataset, hosts.count, hosts.rank, seed=seed
        )
        size = max(1, batch_size // hosts.count)
        self.loader = DataLoader(
            self.dataset,
            batch_size=size,
            sampler=self.sampler,
            pin_memory=device.type == "cuda",
            **_workers(workers, len(self.sampler), size),
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order and augmentation come next; each epoch has new workers."""
        self.sampler.set_epoch(epoch)
        self.dataset.epoch = epoch

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for pixels, labels in self.loader:
            inputs = self.prepared.to_input(pixels.to(self.device, non_blocking=True))
            yield inputs, labels.to(self.device, non_blocking=True)


def plain_batches(
    items: Sequence[Picture], prepared: Preprocessing, size: int, workers: int, device: torch.device
) -> Iterator[Tensor]:
    """Yield normalised batches of centre crops, in order, for evaluation."""
    loader = DataLoader(Pictures(items, prepared), size, **_workers(workers, len(items), size))
    for pixels, _ in loader:
        yield prepared.to_input(pixels.to(device))
