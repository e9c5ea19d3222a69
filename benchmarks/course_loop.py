"""The training loop as courses teach it: pictures through the whole network, every epoch, whatever is frozen.

The training benchmark's baseline: a frozen backbone, a two-layer head, Adam, full decoding in the loading
processes, plain resizing, no warm-up, the last weights kept. Its other faults (no normalisation, no sampler)
do not change how long it takes.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from kennel.classifier import networks, weights


def loader(folder: Path, crop: int, batch_size: int, *, train: bool, workers: int) -> DataLoader:
    """Return batches of a split's pictures, decoded whole, then resized."""
    steps = (
        [transforms.RandomResizedCrop(crop), transforms.RandomHorizontalFlip()]
        if train
        else [transforms.Resize((crop, crop))]
    )
    pictures = datasets.ImageFolder(str(folder), transforms.Compose([*steps, transforms.ToTensor()]))
    return DataLoader(pictures, batch_size=batch_size, shuffle=train, num_workers=workers)


def model_of(arch: str, classes: int) -> nn.Module:
    """Return a frozen backbone of `arch` with the course's head: 128 units, then the classes."""
    network = networks.build(arch, classes, pretrained=weights.choose(arch, None, None))
    backbone = network.backbone.requires_grad_(False)
    width = network.head.centre.numel()
    return nn.Sequential(backbone, nn.Flatten(), nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, classes))


def train(data: Path, arch: str, classes: int, epochs: int, batch_size: int, workers: int) -> list[float]:
    """Train and validate for some epochs, test once; return the seconds of each epoch and of the test."""
    crop = networks.preprocessing(arch).crop
    model = model_of(arch, classes)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.001)
    splits = {
        name: loader(data / name, crop, batch_size, train=name == "train", workers=workers)
        for name in ("train", "valid", "test")
    }
    seconds = []
    for _ in range(epochs):
        started = time.perf_counter()
        model.train()
        for inputs, labels in splits["train"]:
            optimizer.zero_grad()
            criterion(model(inputs), labels).backward()
            optimizer.step()
        evaluate(model, splits["valid"], criterion)
        seconds.append(time.perf_counter() - started)
    started = time.perf_counter()
    evaluate(model, splits["test"], criterion)
    return [*seconds, time.perf_counter() - started]


@torch.no_grad()
def evaluate(model: nn.Module, batches: DataLoader, criterion: nn.Module) -> float:
    """Return the mean loss over a split."""
    model.eval()
    losses = [criterion(model(inputs), labels).item() for inputs, labels in batches]
    return sum(losses) / len(losses)
