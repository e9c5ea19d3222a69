"""Train a classifier on a folder of labelled pictures: on SageMaker, on EC2, or by hand; one flat script.

In a SageMaker job the channels, the model folder and the cores come from the SM_ environment; by hand they
are arguments. The test split is read once, after the last epoch, and never trained on.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from kennel.classifier import features, metrics, networks, records, weights
from kennel.classifier.data import folder
from kennel.classifier.data.folder import Picture
from kennel.classifier.optimisation import FeatureBatches, adamw, warmup_cosine
from kennel.errors import KennelError


def train_one_epoch(
    model: nn.Module, batches: Iterable, loss: nn.Module, optimizer: Optimizer, schedule: LRScheduler
) -> float:
    """Take one step per batch; return the mean training loss."""
    model.train()
    total, seen = 0.0, 0
    for inputs, labels in batches:
        value = loss(model(inputs), labels)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        schedule.step()
        total, seen = total + value.item() * len(labels), seen + len(labels)
    return total / seen


@torch.inference_mode()
def evaluate(model: nn.Module, split: features.Features) -> Tensor:
    """Return the logits (N, classes) of a split."""
    return model.eval()(split.values)


def main(argv: list[str] | None = None) -> int:
    """Train as the command line says; return the process's exit code, 0 only if everything worked."""
    try:
        train(parse(sys.argv[1:] if argv is None else argv))
    except KennelError as error:
        report_failure(error)
        return 1
    return 0


def train(args: argparse.Namespace) -> dict[str, float]:
    """Train, test, write the model and its records; return the metrics."""
    started = time.monotonic()
    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = folder.read(args.data)
    counts = ", ".join(f"{len(items)} {split}" for split, items in data.splits.items())
    say(f"{len(data.classes)} classes, pictures: {counts}")

    source = weights.choose(args.arch, args.weights, args.pretrained_dir) if args.pretrained else None
    network = networks.build(
        args.arch,
        len(data.classes),
        head_width=args.head_width,
        dropout=args.dropout,
        pretrained=source,
    ).to(device)
    prepared = networks.preprocessing(args.arch)

    # The backbone is frozen, so a picture's features never change: compute them once.
    split = {}
    for name in folder.SPLITS[:2]:
        split[name] = read_features(network, data.splits[name], prepared, args.workers, device)
    train_set, valid_set = split["train"], split["valid"]
    network.head.standardise(train_set.values)
    head = network.head

    batches = FeatureBatches(train_set.values, train_set.labels, args.batch_size, args.seed)
    optimizer = adamw(list(head.parameters()), args.lr, args.weight_decay)
    schedule = warmup_cosine(optimizer, args.epochs * len(batches), round(args.warmup_epochs * len(batches)))
    loss = nn.CrossEntropyLoss(label_smoothing=args.label_smoothing)

    best = {"val_loss": float("inf"), "valid_top1": 0.0}
    best_state = copy.deepcopy(head.state_dict())
    history = []
    for epoch in range(1, args.epochs + 1):
        torch.manual_seed(
            args.seed * 1_000_003 + epoch
        )  # dropout depends on the epoch, not on what came before
        batches.set_epoch(epoch)
        lr = optimizer.param_groups[0]["lr"]
        train_loss = train_one_epoch(head, batches, loss, optimizer, schedule)
        valid = metrics.brief(evaluate(head, valid_set), valid_set.labels)
        row = {"epoch": epoch, "lr": lr, "train_loss": train_loss}
        row |= {"val_loss": valid["loss"], "val_top1": valid["top1"]}
        history.append(row)
        say_metrics({name: value for name, value in row.items() if name != "lr"})
        if valid["loss"] < best["val_loss"]:
            best = {"val_loss": valid["loss"], "valid_top1": valid["top1"]}
            best_state = copy.deepcopy(head.state_dict())

    head.load_state_dict(best_state)
    test_set = read_features(network, data.splits["test"], prepared, args.workers, device)
    test = metrics.brief(evaluate(head, test_set), test_set.labels)
    result = {f"test_{name}": value for name, value in test.items()} | best
    result["seconds"] = round(time.monotonic() - started, 3)
    say_metrics({name: result[name] for name in ("test_top1", "test_top5", "test_loss")})

    described = networks.description(network, args.arch, data.classes, args.head_width, args.dropout)
    records.write_state(args.model_dir / "model.pth", network.state_dict())
    records.write_json(args.model_dir / "model.json", described)
    records.write_json(args.model_dir / "metrics.json", result)
    records.write_table(args.model_dir / "history.csv", history)
    say(f"model written to {args.model_dir} after {result['seconds']:.1f} s")
    return result


def read_features(
    network: networks.Network,
    items: list[Picture],
    prepared: networks.Preprocessing,
    workers: int,
    device: torch.device,
) -> features.Features:
    """Run one split through the backbone, and name what could not be read."""
    found = features.extract(network.backbone, items, prepared, workers=workers, device=device)
    for line in found.unreadable:
        say(f"unreadable, skipped: {line}")
    return found


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line; SageMaker's environment supplies the defaults of folders."""
    environment = os.environ.get
    parser = argparse.ArgumentParser(prog="training", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add(
        "--data",
        type=Path,
        default=environment("SM_CHANNEL_TRAINING"),
        help="folder of train|valid|test/CLASS/*.jpg",
    )
    add(
        "--model-dir",
        type=Path,
        default=environment("SM_MODEL_DIR", "model"),
        help="where the model is written",
    )
    add(
        "--arch",
        default=weights.LITE0,
        help="efficientnet_lite0, resnet50, or another torchvision classifier",
    )
    add("--pretrained", **switch(True), help="start from ImageNet weights")
    add("--no-pretrained", dest="pretrained", **switch(False), help="start from random weights")
    add(
        "--weights",
        help="package, torchvision, or a .pth file; default: the channel, else what the network has",
    )
    add("--pretrained-dir", type=Path, default=environment("SM_CHANNEL_PRETRAINED"), help="folder of weights")
    add("--epochs", type=positive(int), default=20)
    add("--batch-size", type=positive(int), default=64)
    add("--lr", type=positive(float), default=2e-3, help="peak learning rate")
    add("--warmup-epochs", type=float, default=1.0)
    add("--weight-decay", type=float, default=0.05)
    add("--dropout", type=float, default=0.2)
    add("--head-width", type=int, default=0, help="units of a hidden layer in the head; 0: none")
    add("--label-smoothing", type=float, default=0.1)
    add("--seed", type=int, default=0)
    add(
        "--workers",
        type=int,
        default=int(environment("SM_NUM_CPUS") or os.cpu_count() or 1),
        help="decoding threads",
    )
    # hyperparameters may arrive with underscores: --batch_size 64
    args = parser.parse_args([dashed(a) for a in argv])
    if args.data is None:
        parser.error("no data: give --data DIR, or the channel 'training'")
    return args


def dashed(argument: str) -> str:
    """Return ``--batch_size=1_0`` as ``--batch-size=1_0``; anything but an option's name is left alone."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def switch(value: bool) -> dict:
    """Return argparse settings of a flag that may carry a value, as hyperparameters do."""

    def read(text: str) -> bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
        return (text.lower() in ("true", "1")) == value

    return {"nargs": "?", "const": value, "default": True, "type": read}


def positive(kind: type) -> type:
    """Return an argparse type that accepts numbers above zero only."""

    def read(text: str) -> float:
        number = kind(text)
        if not number > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above zero")
        return number

    return read  # type: ignore[return-value]  # argparse takes any callable


def say(line: str) -> None:
    """Print a line at once: a job's log is its only window."""
    print(line, flush=True)


def say_metrics(values: dict[str, float]) -> None:
    """Print ``name=value;`` pairs, the form that the job's metric definitions match."""
    say(" ".join(f"{name}={value:.6g};" for name, value in values.items()))


def report_failure(error: KennelError) -> None:
    """Print one line, and leave it where SageMaker looks for a failure's reason."""
    print(f"error: {error}", file=sys.stderr, flush=True)
    reason = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output")) / "failure"
    if reason.parent.is_dir() and "SM_MODEL_DIR" in os.environ:
        reason.write_text(str(error), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
