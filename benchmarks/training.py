"""What training costs, in ratios measured in one run on the same drawn pictures; `bench.training` runs it.

Run it with `./kennel bench.training`, or `PYTHONPATH=src .venv/bin/python benchmarks/training.py --help`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import course_loop
import torch
from torch import nn

from kennel.classifier import features, networks, training, weights
from kennel.classifier.arguments import parse
from kennel.classifier.data import folder
from kennel.classifier.distributed import Hosts
from kennel.classifier.feature_store import FeatureStore
from kennel.classifier.hyperparameters import DECLARED, SEARCH_SPACE, Choices
from kennel.classifier.loading import PictureBatches
from kennel.classifier.optimisation import FeatureBatches, adamw, one_thread, warmup_cosine
from kennel.sample_photos.draw import draw

ROOT = Path(__file__).resolve().parents[1]
CPU = torch.device("cpu")
BATCH = 32


@dataclass(frozen=True)
class Bench:
    """The pictures and the network that everything is measured on."""

    data: Path
    arch: str
    classes: int
    epochs: int
    scratch: Path

    def network(self) -> networks.Network:
        return networks.build(self.arch, self.classes, pretrained=weights.choose(self.arch, None, None))

    def train(self, name: str, *extra: str) -> dict[str, Any]:
        """Train in this process; return the metrics, with the seconds of each part."""
        arguments = ["--data", str(self.data), "--arch", self.arch, "--epochs", str(self.epochs)]
        arguments += ["--patience", str(self.epochs), "--model-dir", str(self.scratch / name), *extra]
        return training.train(parse(arguments, {}, os.cpu_count() or 1), Hosts(), arguments)


def forward_rate(bench: Bench, pictures: int) -> float:
    """Return bare forward passes a second, the limit of any feature pass: no decoding, nothing kept.

    As the feature pass does, each core computes small batches of its own; a batch of the usual size, shared
    among the cores, is tried as well, and the better of the two counts.
    """
    backbone = bench.network().backbone.eval()
    crop, cores = networks.preprocessing(bench.arch).crop, torch.get_num_threads()

    def rate(threads: int, size: int) -> float:
        inputs = torch.rand(size, 3, crop, crop)

        def work(_: int) -> None:
            with torch.inference_mode():
                backbone(inputs)

        batches = max(2 * threads, pictures // size)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))  # the first pass allocates
            started = time.perf_counter()
            list(pool.map(work, range(batches)))
        return batches * size / (time.perf_counter() - started)

    with one_thread(CPU):
        separate = rate(cores, features.batch_size(CPU))
    return max(separate, rate(1, BATCH))


def feature_rate(bench: Bench) -> float:
    """Return pictures a second of the feature pass: reading, decoding, the network, keeping."""
    network, prepared = bench.network(), networks.preprocessing(bench.arch)
    items = folder.read(bench.data).splits["train"]
    width = network.head.centre.numel()
    with FeatureStore(None, "bench", "0", width) as store:
        started = time.perf_counter()
        features.collect(network.backbone, items, prepared, store, workers=os.cpu_count() or 1)
        return len(items) / (time.perf_counter() - started)


def conventional_epoch(bench: Bench) -> float:
    """Return the seconds of one epoch with pictures through the frozen network, by our own loop."""
    network, prepared = bench.network(), networks.preprocessing(bench.arch)
    network.backbone.requires_grad_(False)
    items = folder.read(bench.data).splits["train"]
    batches = PictureBatches(items, prepared, BATCH, 0, os.cpu_count() or 1, CPU, Hosts())
    return one_epoch(network, network.head, batches)


def head_epoch(bench: Bench) -> float:
    """Return the seconds of one epoch of the head on kept features; the median of twenty."""
    head = bench.network().head
    items = folder.read(bench.data).splits["train"]
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(len(items), 1, head.centre.numel(), generator=generator)
    batches = FeatureBatches(values, torch.tensor([item.label for item in items]), BATCH, 0)
    with one_thread(CPU):
        return statistics.median(one_epoch(head, head, batches) for _ in range(20))


def one_epoch(model: nn.Module, head: nn.Module, batches: Any) -> float:
    """Return the seconds of one pass of `train_one_epoch`."""
    optimizer = adamw([(head, 1e-3)], 0.05)
    schedule = warmup_cosine(optimizer, len(batches), 0)
    started = time.perf_counter()
    training.train_one_epoch(model, batches, nn.CrossEntropyLoss(), optimizer, schedule, Hosts())
    return time.perf_counter() - started


def hosts_seconds(bench: Bench, count: int) -> float:
    """Return the seconds of the feature pass on some hosts of one thread each, without process start.

    With three augmented views of each picture, so that building the network takes little of the time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    model = bench.scratch / f"hosts-{count}"
    environment = {
        **os.environ,
        **{"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")},
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)},
    }
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "kennel.classifier.training"),
                *("--data", str(bench.data), "--arch", bench.arch),
                *("--epochs", "1", "--workers", "1", "--views", "3"),
                *("--plots", "false", "--model-dir", str(model)),
            ],
            env={**environment, "RANK": str(rank)},
            stdout=subprocess.DEVNULL,
        )
        for rank in range(count)
    ]
    for process in processes:
        if process.wait() != 0:
            raise SystemExit(f"training on {count} hosts failed with exit code {process.returncode}")
    return json.loads((model / "metrics.json").read_text())["seconds_features"]


def trials(bench: Bench, count: int) -> list[float]:
    """Return the training seconds of trials that share one set of features.

    Like a tuning job's, a trial ends when its validation loss has not fallen for eight epochs.
    """
    shared = bench.scratch / "features"
    bench.train("features", "--features-only")
    rng = random.Random(0)  # noqa: S311 - trials, not secrets
    seconds = []
    for trial in range(count):
        drawn = draw_hyperparameters(rng)
        record = bench.train(f"trial-{trial}", "--features-dir", str(shared), "--patience", "8", *drawn)
        seconds.append(record["seconds_training"])
    return seconds


def draw_hyperparameters(rng: random.Random) -> list[str]:
    """Return arguments drawn from the ranges that `tune` searches."""
    arguments = []
    for name, space in SEARCH_SPACE.items():
        value = rng.choice(space.values) if isinstance(space, Choices) else space.at(rng.random())
        text = f"{value:.0f}" if DECLARED[name].declaration.kind is int else f"{value:.6f}"
        arguments += [f"--{DECLARED[name].option}", text]
    return arguments


def measure(bench: Bench, rounds: int, trial_count: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything; measurements that are compared alternate, and their medians are compared."""
    pictures = len(folder.read(bench.data).splits["train"])
    raw: dict[str, Any] = {"pictures": pictures, "arch": bench.arch, "epochs": bench.epochs}
    raw["threads"] = torch.get_num_threads()
    rates: list[tuple[float, float]] = []
    for number in range(rounds):
        report(f"feature pass and bare forward, round {number + 1} of {rounds}")
        rates.append((feature_rate(bench), forward_rate(bench, pictures)))
    raw["feature_pass_per_second"] = statistics.median(rate for rate, _ in rates)
    raw["forward_per_second"] = statistics.median(rate for _, rate in rates)
    report("epochs: conventional, and of the head on features")
    raw["conventional_epoch_seconds"] = statistics.median(conventional_epoch(bench) for _ in range(rounds))
    raw["head_epoch_seconds"] = head_epoch(bench)
    report("one host and two, one thread each")
    pairs = [(hosts_seconds(bench, 1), hosts_seconds(bench, 2)) for _ in range(rounds)]
    raw["one_host_seconds"] = statistics.median(alone for alone, _ in pairs)
    raw["two_hosts_seconds"] = statistics.median(together for _, together in pairs)
    report(f"{trial_count} trials on shared features; twenty take in proportion")
    raw["twenty_trials_seconds"] = sum(trials(bench, trial_count)) * 20 / trial_count
    report(f"a whole training of {bench.epochs} epochs, then the course's loop")
    raw["total_seconds"] = bench.train("whole")["seconds"]
    epochs = course_loop.train(
        bench.data, bench.arch, bench.classes, bench.epochs, BATCH, os.cpu_count() or 1
    )
    raw["course_loop_seconds"] = sum(epochs)
    ratios = {
        "head_epoch_speedup": raw["conventional_epoch_seconds"] / raw["head_epoch_seconds"],
        "feature_pass_vs_forward": statistics.median(passed / bare for passed, bare in rates),
        "two_hosts_speedup": statistics.median(alone / together for alone, together in pairs),
        "twenty_trials_in_epochs": raw["twenty_trials_seconds"] / raw["conventional_epoch_seconds"],
        "total_vs_course_loop": raw["course_loop_seconds"] / raw["total_seconds"],
    }
    return {"ratios": {name: round(value, 3) for name, value in ratios.items()}, **raw}


def main() -> None:
    """Draw the pictures, measure, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", default="efficientnet_lite0")
    parser.add_argument("--classes", type=int, default=25)
    parser.add_argument("--photos", type=int, default=8, help="training pictures of each class")
    parser.add_argument("--size", type=int, default=500, help="width and height of a picture, pixels")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=20, help="how many trials are run")
    options = parser.parse_args()

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as scratch:
        report(f"drawing {options.classes} breeds")
        counts = {"train": options.photos, "valid": 2, "test": 2}
        data = draw(Path(scratch) / "photos", options.classes, counts, options.size)
        bench = Bench(data, options.arch, options.classes, options.epochs, Path(scratch))
        with Path(os.devnull).open("w") as discarded, contextlib.redirect_stdout(discarded):  # the jobs' logs
            document = measure(bench, options.rounds, options.trials, report)
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
