"""Top-1 with few photos a class, with ImageNet's prior and without, on folders of real photos.

Run it with `PYTHONPATH=src .venv/bin/python benchmarks/few_photos.py DIR…`; each folder holds
`CLASS/*.jpg`, at least 15 photos of each class. Twelve photos of each are tested, one is validated on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from kennel.classifier import features, imagenet, metrics, networks, training
from kennel.classifier.arguments import parse
from kennel.classifier.data.folder import Picture
from kennel.classifier.distributed import Hosts
from kennel.classifier.feature_store import FeatureStore
from kennel.classifier.hyperparameters import LITE0
from kennel.classifier.prior import PriorSettings

TEST, VALID = 12, 1
PHOTOS = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def photos_of(directory: Path) -> dict[str, list[Path]]:
    """Return the photos of each class folder, at any depth below it."""
    classes = sorted(path for path in directory.iterdir() if path.is_dir())
    return {
        path.name: sorted(photo for photo in path.rglob("*") if photo.suffix.lower() in PHOTOS)
        for path in classes
    }


def chosen(photos: dict[str, list[Path]], count: int, seed: int) -> dict[str, dict[str, list[Path]]]:
    """Return photos by split and class: the same test photos for every count."""
    splits: dict[str, dict[str, list[Path]]] = {"train": {}, "valid": {}, "test": {}}
    for name, paths in photos.items():
        shuffled = random.Random(f"{seed}/{name}").sample(paths, len(paths))  # noqa: S311 - no secrets
        splits["test"][name] = shuffled[:TEST]
        splits["valid"][name] = shuffled[TEST : TEST + VALID]
        splits["train"][name] = shuffled[TEST + VALID : TEST + VALID + count]
    return splits


def without_photos(splits: dict[str, dict[str, list[Path]]], cache: Path) -> dict[str, float]:
    """Return the metrics of ImageNet's classifier alone, of all test photos and of those of known classes."""
    classes = tuple(splits["test"])
    network = networks.build(
        LITE0, len(classes), pretrained="package", prior=PriorSettings(imagenet.categories(classes))
    )
    items = [Picture(path, label) for label, name in enumerate(classes) for path in splits["test"][name]]
    prepared, cpu = networks.preprocessing(LITE0), torch.device("cpu")
    key = features.key(networks.digest(network.backbone), prepared, cpu)
    with FeatureStore(cache, key, "zero", network.head.centre.numel()) as store:
        found = features.collect(network.backbone, items, prepared, store)
    with torch.inference_mode():
        logits = network.eval().classify(found.values[:, 0])
    known = torch.tensor([bool(numbers) for numbers in imagenet.categories(classes)])[found.labels]
    return {
        "top1": metrics.top(logits, found.labels, 1),
        "known_top1": metrics.top(logits[known], found.labels[known], 1) if known.any() else 0.0,
    }


def trained(splits: dict[str, dict[str, list[Path]]], cache: Path, prior: str, seed: int) -> float:
    """Return the test top-1 of a training with the default hyperparameters on these photos."""
    with tempfile.TemporaryDirectory(prefix="kennel-few-") as scratch:
        for split, by_class in splits.items():
            for name, paths in by_class.items():
                folder = Path(scratch) / "photos" / split / name
                folder.mkdir(parents=True)
                for number, path in enumerate(paths):
                    (folder / f"{number}{path.suffix.lower()}").symlink_to(path.resolve())
        arguments = [
            "--data",
            f"{scratch}/photos",
            "--model-dir",
            f"{scratch}/model",
            "--cache-dir",
            str(cache),
        ]
        arguments += ["--prior", prior, "--seed", str(seed), "--allow-leakage"]
        return training.train(parse(arguments, {}, os.cpu_count() or 1), Hosts(), arguments)["test_top1"]


def measure(directory: Path, counts: list[int], seeds: int, cache: Path) -> dict[str, Any]:
    """Return the mean top-1 of each number of photos, with the prior and without."""
    photos = photos_of(directory)
    document: dict[str, Any] = {
        "classes": len(photos),
        "known_classes": len(photos) - len(imagenet.unknown(tuple(photos))),
    }
    zero = [without_photos(chosen(photos, 0, seed), cache) for seed in range(seeds)]
    document["0"] = {name: statistics.mean(row[name] for row in zero) for name in zero[0]}
    for count in counts:
        print(f"{directory.name}: {count} photos a class", file=sys.stderr, flush=True)
        document[str(count)] = {
            prior: statistics.mean(
                trained(chosen(photos, count, seed), cache, prior, seed) for seed in range(seeds)
            )
            for prior in ("none", "imagenet")
        }
    return document


def main() -> None:
    """Measure every folder, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directories", type=Path, nargs="+")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, help="where features are kept (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kennel-features-") as scratch:
        cache = options.cache or Path(scratch)
        with Path(os.devnull).open("w") as discarded, contextlib.redirect_stdout(discarded):  # the jobs' logs
            document = {
                str(directory.name): measure(directory, options.counts, options.seeds, cache)
                for directory in options.directories
            }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
