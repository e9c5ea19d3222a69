"""Train a classifier on a folder of labelled photos: on SageMaker, on EC2, or by hand.

The backbone is frozen unless ``--unfreeze`` says otherwise. Frozen, its features are computed once (each host
its share, kept on disk) and the head learns from them in seconds, in the same way on every host. Unfrozen,
photos go through the whole network every epoch and the hosts share each step. The test split is read once,
after the last epoch, and never trained on.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable
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
    learned,
    metrics,
    networks,
    prior,
    provenance,
    records,
    weights,
)
from kennel.classifier.arguments import Arguments
from kennel.classifier.checkpoints import Checkpoint
from kennel.classifier.data import folder, leakage
from kennel.classifier.distributed import Hosts
from kennel.classifier.feature_store import FeatureStore
from kennel.classifier.features import Features
from kennel.classifier.joblog import print_line, print_metrics
from kennel.classifier.learner import Learner
from kennel.classifier.optimisation import TaughtClassesLoss, adamw, epoch_seed, warmup_cosine
from kennel.classifier.prior import PriorSettings
from kennel.classifier.records import Records
from kennel.classifier.strategies.fine_tuning import FineTuning
from kennel.classifier.strategies.frozen import FrozenBackbone
from kennel.classifier.strategies.strategy import Setup, Strategy
from kennel.errors import KennelError


def train(args: Arguments, hosts: Hosts, command: list[str]) -> dict[str, Any]:
    """Train, test, and write the model with its records; return the metrics."""
    started = time.monotonic()
    chosen = args.hyperparameters
    torch.manual_seed(chosen.seed)
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    data = folder.read(args.data)
    if leaking := leakage.guard(data, allowed=chosen.allow_leakage):
        print_line(f"allowed: {leaking}")
    counts = ", ".join(f"{len(items)} {split}" for split, items in data.splits.items())
    print_line(f"{hosts.name}: {len(data.classes)} classes, pictures: {counts}")
    knowledge = prior.choose(chosen, data)
    network = build_network(args, len(data.classes), knowledge).to(device)
    prepared = networks.preprocessing(chosen.arch)
    backbone_digest = networks.digest(network.backbone)

    features_key = features.key(backbone_digest, prepared, device)
    features_folder = args.model_dir if args.features_only else args.cache_dir
    width = network.head.centre.numel()
    with FeatureStore(features_folder, features_key, str(hosts.rank), width, args.features_dir) as store:
        setup = Setup(chosen, data, network, prepared, store, hosts, device, args.workers)
        strategy: Strategy = FineTuning(setup) if chosen.unfreeze else FrozenBackbone(setup)
        train_set, valid_set = read(strategy, "train"), read(strategy, "valid")
        if args.features_only:
            read(strategy, "test")
            return {"seconds": time.monotonic() - started}
        seconds_features = time.monotonic() - started

        network.head.centre_on(train_set.values.flatten(0, 1))
        strategy.prepare(train_set)
        learner = new_learner(strategy)
        per_label = torch.bincount(train_set.labels, minlength=len(data.classes))
        criterion = TaughtClassesLoss(per_label, chosen.label_smoothing).to(device)
        same_training = identity(args, data, backbone_digest, train_set, valid_set)
        checkpoint = Checkpoint(args.checkpoint_dir, same_training, args.checkpoint_seconds)
        resume(learner, checkpoint, hosts)
        learn(strategy, learner, valid_set, checkpoint, criterion)
        learner.keep_best()
        seconds_training = time.monotonic() - started - seconds_features

        test_set = read(strategy, "test")
        test_logits = strategy.logits(test_set)

    confusion = metrics.confusion(test_logits, test_set.labels)
    per_class = metrics.per_class(confusion, data.classes)
    result = {
        **{f"test_{name}": value for name, value in metrics.brief(test_logits, test_set.labels).items()},
        **learner.best,
        "macro_f1": metrics.macro_f1(per_class),
        "ece": metrics.calibration_error(test_logits, test_set.labels),
        "epochs": learner.epoch,
        "seconds_features": seconds_features,
        "seconds_training": seconds_training,
        "seconds": time.monotonic() - started,
    }
    if hosts.first:
        photos = [picture.path.relative_to(data.root).as_posix() for picture in test_set.pictures]
        digests = {"train": train_set.digests, "valid": valid_set.digests, "test": test_set.digests}
        trained = Records(
            state=network.state_dict(),
            model=networks.description(network, chosen.arch, data.classes, chosen.head_width, chosen.dropout),
            metrics=result,
            learned=learned.record(
                learned.kind_of(data),
                len(train_set.labels),
                len(data.classes),
                knowledge.known if knowledge else 0,
            ),
            run=provenance.origin(command, args.flat(), folder.digest(data, digests), hosts.count),
            history=learner.history,
            classes=data.classes,
            per_class=per_class,
            confusion=confusion,
            predictions=metrics.predictions(test_logits, test_set.labels, photos, data.classes),
        )
        records.write(args.model_dir, trained, plots=args.plots)
        print_line(learned.sentence(trained.learned))
        print_result(result, args.model_dir)
    return result


def learn(
    strategy: Strategy, learner: Learner, valid_set: Features, checkpoint: Checkpoint, criterion: nn.Module
) -> None:
    """Train epoch by epoch, to the last one or until the validation loss stops falling."""
    chosen, hosts = strategy.setup.hyperparameters, strategy.setup.hosts
    while not learner.ended:
        learner.epoch += 1
        torch.manual_seed(epoch_seed(chosen.seed, learner.epoch))  # dropout is the same after a resumption
        strategy.batches.set_epoch(learner.epoch)
        lr = learner.optimizer.param_groups[0]["lr"]
        with strategy.threads():
            train_loss = train_one_epoch(
                strategy.model, strategy.batches, criterion, learner.optimizer, learner.schedule, hosts
            )
            logits = strategy.logits(valid_set)
        valid = metrics.brief(logits, valid_set.labels)
        row = {"epoch": learner.epoch, "lr": lr, "train_loss": train_loss}
        learner.add_epoch(row, valid["loss"], valid["top1"])
        if hosts.first:
            print_metrics({name: value for name, value in learner.history[-1].items() if name != "lr"})
            checkpoint.write(learner.state(), now=learner.ended)
    if learner.epoch < chosen.epochs and hosts.first:
        print_line(f"stopped early: {learner.stale} epochs without a better validation loss")


def train_one_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    criterion: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler,
    hosts: Hosts,
) -> float:
    """Take one step for each batch; return the mean training loss, over all hosts if they share the steps."""
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


def print_result(result: dict[str, Any], model_dir: Path) -> None:
    """Print the metrics of the weights that were kept: SageMaker keeps the last value of each."""
    print_metrics({"val_loss": result["val_loss"], "val_top1": result["valid_top1"]})
    tested = {name: result[name] for name in ("test_top1", "test_top5", "test_loss", "macro_f1", "ece")}
    print_metrics(tested | {"train_seconds": result["seconds_training"]})
    print_line(f"model written to {model_dir} after {result['seconds']:.1f} s")


def build_network(args: Arguments, classes: int, knowledge: PriorSettings | None) -> networks.Network:
    """Return the network with a new head, its backbone pretrained if the arguments say so."""
    chosen = args.hyperparameters
    source = weights.choose(chosen.arch, chosen.weights, args.pretrained_dir) if chosen.pretrained else None
    return networks.build(
        chosen.arch,
        classes,
        head_width=chosen.head_width,
        dropout=chosen.dropout,
        pretrained=source,
        prior=knowledge,
    )


def read(strategy: Strategy, split: str) -> Features:
    """Return what the strategy needs of a split; photos that cannot be read are named in the log."""
    contents = strategy.read(split)
    if strategy.setup.hosts.first:
        for line in contents.unreadable:
            print_line(f"unreadable, skipped: {line}")
    return contents


def new_learner(strategy: Strategy) -> Learner:
    """Return a learner that has not begun: AdamW, the head and the backbone each with its learning rate."""
    chosen, network = strategy.setup.hyperparameters, strategy.setup.network
    rates = [(network.head, chosen.lr), (network.backbone, chosen.lr * chosen.backbone_lr_factor)]
    optimizer = adamw(rates, chosen.weight_decay)
    steps = len(strategy.batches)
    schedule = warmup_cosine(optimizer, chosen.epochs * steps, round(chosen.warmup_epochs * steps))
    return Learner(strategy.trained, optimizer, schedule, chosen.epochs, chosen.patience)


def resume(learner: Learner, checkpoint: Checkpoint, hosts: Hosts) -> None:
    """Continue from the first host's checkpoint, if it has one of this training."""
    if state := hosts.gather(checkpoint.read() if hosts.first else None)[0]:
        learner.restore(state)
        print_line(f"{hosts.name}: resumed after epoch {learner.epoch}")


def identity(
    args: Arguments,
    data: folder.Folder,
    backbone_digest: str,
    train_set: Features,
    valid_set: Features,
) -> dict[str, Any]:
    """Return what must be equal for a checkpoint to be continued; folders and cores may change."""
    may_change = ("data", "_dir", "weights", "plots", "workers", "_seconds")
    same = {name: value for name, value in args.flat().items() if not name.endswith(may_change)}
    return {
        "data": folder.digest(data, {"train": train_set.digests, "valid": valid_set.digests}),
        "backbone": backbone_digest,
        **same,
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
        if "SM_MODEL_DIR" in os.environ and reason.parent.is_dir():  # SageMaker reads the reason there
            reason.write_text(str(error), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
