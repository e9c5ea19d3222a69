"""Train a classifier on a folder of labelled pictures: on SageMaker, on EC2, or by hand; one flat script.

The backbone is frozen unless ``--unfreeze`` says otherwise. Frozen, its features are computed once (each host
its share, kept on disk) and the head learns from them in seconds, alike on every host. Unfrozen, pictures go
through the whole network every epoch and the hosts share each step. The test split is read once, after the
last epoch, and never trained on.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from kennel.classifier import (
    TrainingError,
    arguments,
    distributed,
    features,
    metrics,
    networks,
    plots,
    records,
    weights,
)
from kennel.classifier.checkpoints import Checkpoint
from kennel.classifier.data import folder
from kennel.classifier.distributed import Hosts
from kennel.classifier.feature_store import FeatureStore
from kennel.classifier.features import Features
from kennel.classifier.joblog import Progress, say, say_metrics
from kennel.classifier.learner import Learner
from kennel.classifier.loading import PictureBatches, plain_batches
from kennel.classifier.optimisation import FeatureBatches, adamw, epoch_seed, one_thread, warmup_cosine
from kennel.errors import KennelError


def train_one_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    criterion: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler,
    hosts: Hosts,
) -> float:
    """Take one step a batch; return the mean training loss, over all hosts if they share the work."""
    model.train()
    total, seen = 0.0, 0
    for inputs, labels in batches:
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=inputs.device.type == "cuda"):
            loss = criterion(model(inputs), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        total, seen = total + loss.item() * len(labels), seen + len(labels)
    mean = hosts.mean(total / seen, seen) if isinstance(model, DistributedDataParallel) else total / seen
    if not math.isfinite(mean):
        raise TrainingError(f"the training loss became {mean}; lower --lr")
    return mean


@torch.inference_mode()
def evaluate(
    network: networks.Network,
    split: Features,
    prepared: networks.Preprocessing,
    args: argparse.Namespace,
    hosts: Hosts,
) -> Tensor:
    """Return the logits (N, classes) of a split: from features, or each host its share of pictures."""
    network.eval()
    device = network.head.centre.device
    if not args.unfreeze:
        return network.head(split.values[:, 0].to(device)).cpu()
    own = [split.pictures[i] for i in hosts.share(len(split.pictures))]
    batches = plain_batches(own, prepared, features.batch_size(device), args.workers, device)
    logits = [network(batch).float().cpu() for batch in batches]
    rows = torch.cat(logits) if logits else torch.empty(0, network.head.classes)
    return hosts.gather_rows(rows, len(split.pictures))


def train(args: argparse.Namespace, hosts: Hosts, command: list[str]) -> dict[str, Any]:
    """Train, test, and write the model with its records; return the metrics."""
    started = time.monotonic()
    torch.manual_seed(args.seed)
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    data = folder.read(args.data)
    counts = ", ".join(f"{len(items)} {split}" for split, items in data.splits.items())
    say(f"host {hosts.rank + 1} of {hosts.count}: {len(data.classes)} classes, pictures: {counts}")

    source = weights.choose(args.arch, args.weights, args.pretrained_dir) if args.pretrained else None
    shape = {"head_width": args.head_width, "dropout": args.dropout}
    network = networks.build(args.arch, len(data.classes), **shape, pretrained=source).to(device)
    prepared = networks.preprocessing(args.arch)
    backbone = networks.digest(network.backbone)

    key = features.key(backbone, prepared, device)
    kept_in = args.model_dir if args.features_only else args.cache_dir
    with FeatureStore(kept_in, key, str(hosts.rank), network.head.centre.numel(), args.features_dir) as store:

        def read_features(split: str, views: int = 0) -> Features:
            if args.unfreeze and split != "train":  # their features would change with every step
                found = features.screen(data.splits[split], hosts, args.workers)
            else:
                found = features.collect(
                    network.backbone,
                    data.splits[split],
                    prepared,
                    store,
                    views=views,
                    hosts=hosts,
                    workers=args.workers,
                    device=device,
                    progress=Progress(f"host {hosts.rank + 1} of {hosts.count}, {split}").say,
                )
            for line in found.unreadable if hosts.first else ():
                say(f"unreadable, skipped: {line}")
            return found

        train_set = read_features("train", 0 if args.unfreeze else args.views)
        valid_set = read_features("valid")
        if args.features_only:
            read_features("test")
            return {"seconds": time.monotonic() - started}
        seconds_features = time.monotonic() - started

        network.head.centre_on(train_set.values.flatten(0, 1))
        batches: FeatureBatches | PictureBatches
        model: nn.Module = network.head
        if args.unfreeze:
            network.unfreeze(args.unfreeze)
            model = DistributedDataParallel(network, broadcast_buffers=False) if hosts.count > 1 else network
            batches = PictureBatches(
                train_set.pictures, prepared, args.batch_size, args.seed, args.workers, device, hosts
            )
        else:
            values, labels = train_set.values.to(device), train_set.labels.to(device)
            batches = FeatureBatches(values, labels, args.batch_size, args.seed)
        criterion = nn.CrossEntropyLoss(label_smoothing=args.label_smoothing)
        rates = [(network.head, args.lr), (network.backbone, args.lr * args.backbone_lr_factor)]
        optimizer = adamw(rates, args.weight_decay)
        schedule = warmup_cosine(
            optimizer, args.epochs * len(batches), round(args.warmup_epochs * len(batches))
        )

        learner = Learner(
            network if args.unfreeze else network.head, optimizer, schedule, args.epochs, args.patience
        )
        same = identity(args, data, backbone, train_set, valid_set)
        checkpoint = Checkpoint(args.checkpoint_dir, same, args.checkpoint_seconds)
        if resumed := hosts.gather(checkpoint.read() if hosts.first else None)[0]:
            learner.restore(resumed)
            say(f"host {hosts.rank + 1} of {hosts.count}: resumed after epoch {learner.epoch}")

        while not learner.ended:
            learner.epoch += 1
            torch.manual_seed(epoch_seed(args.seed, learner.epoch))  # dropout is the same after a resumption
            batches.set_epoch(learner.epoch)
            lr = optimizer.param_groups[0]["lr"]
            with nullcontext() if args.unfreeze else one_thread(device):
                train_loss = train_one_epoch(model, batches, criterion, optimizer, schedule, hosts)
                logits = evaluate(network, valid_set, prepared, args, hosts)
            valid = metrics.brief(logits, valid_set.labels)
            row = {"epoch": learner.epoch, "lr": lr, "train_loss": train_loss}
            learner.note(row, valid["loss"], valid["top1"])
            if hosts.first:
                say_metrics({name: value for name, value in learner.history[-1].items() if name != "lr"})
                checkpoint.write(learner.state(), now=learner.ended)
        if learner.epoch < args.epochs and hosts.first:
            say(f"stopped early: {learner.stale} epochs without a better validation loss")
        learner.keep_best()
        seconds_training = time.monotonic() - started - seconds_features

        test_set = read_features("test")
        logits = evaluate(network, test_set, prepared, args, hosts)

    confused = metrics.confusion(logits, test_set.labels)
    table = metrics.per_class(confused, data.classes)
    result: dict[str, Any] = {
        **{f"test_{name}": value for name, value in metrics.brief(logits, test_set.labels).items()},
        **learner.best,
        "macro_f1": metrics.macro_f1(table),
        "ece": metrics.calibration_error(logits, test_set.labels),
        "epochs": learner.epoch,
        "seconds_features": seconds_features,
        "seconds_training": seconds_training,
        "seconds": time.monotonic() - started,
    }
    if hosts.first:
        digests = {"train": train_set.digests, "valid": valid_set.digests, "test": test_set.digests}
        described = networks.description(network, args.arch, data.classes, args.head_width, args.dropout)
        records.write_state(args.model_dir / "model.pth", network.state_dict())
        records.write_json(args.model_dir / "model.json", described)
        records.write_json(args.model_dir / "metrics.json", result)
        origin = records.origin(command, vars(args), folder.digest(data, digests), hosts.count)
        records.write_json(args.model_dir / "run.json", origin)
        records.write_table(args.model_dir / "history.csv", learner.history)
        records.write_table(args.model_dir / "classes.csv", table)
        records.write_matrix(args.model_dir / "confusion.csv", confused, data.classes)
        if not plots.draw(args.model_dir, learner.history, confused, data.classes):
            say("no plots: matplotlib is not installed here")
        # SageMaker keeps the last value of each metric: let it be that of the weights which were kept.
        say_metrics({"val_loss": learner.best["val_loss"], "val_top1": learner.best["valid_top1"]})
        names = ("test_top1", "test_top5", "test_loss", "macro_f1", "ece")
        say_metrics({name: result[name] for name in names} | {"train_seconds": seconds_training})
        say(f"model written to {args.model_dir} after {result['seconds']:.1f} s")
    return result


def identity(
    args: argparse.Namespace, data: folder.Folder, backbone: str, train_set: Features, valid_set: Features
) -> dict[str, Any]:
    """Return what must be equal for a checkpoint to be continued; folders and cores may change."""
    elsewhere = ("data", "_dir", "weights", "workers", "_seconds")
    chosen = {name: value for name, value in vars(args).items() if not name.endswith(elsewhere)}
    return {
        "data": folder.digest(data, {"train": train_set.digests, "valid": valid_set.digests}),
        "backbone": backbone,
        **chosen,
    }


def main(argv: list[str] | None = None) -> int:
    """Train as the command line says; return the process's exit code, 0 only if everything worked."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        args = arguments.parse(argv, os.environ, os.cpu_count() or 1)
        with distributed.joined() as hosts:
            train(args, hosts, argv)
    except KennelError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        reason = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output")) / "failure"
        if "SM_MODEL_DIR" in os.environ and reason.parent.is_dir():  # where SageMaker reads it
            reason.write_text(str(error), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
