"""The training's command line; SageMaker's environment supplies the defaults of folders and cores."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kennel.classifier import weights


def parse(argv: list[str], environment: Mapping[str, str], cores: int) -> argparse.Namespace:
    """Read the command line.

    Parameters
    ----------
    argv
        Arguments without the program's name. Hyperparameters may arrive with underscores
        (``--batch_size 64``) and switches with a value (``--pretrained true``).
    environment
        Where SageMaker's ``SM_`` variables are looked up.
    cores
        Cores of this machine.

    Raises
    ------
    SystemExit
        An argument is unknown or senseless; the parser has said which on stderr.
    """
    parser = argparse.ArgumentParser(
        prog="training", description="Train a picture classifier.", allow_abbrev=False
    )
    _folders(parser, environment)
    add = parser.add_argument_group("network").add_argument
    add(
        "--arch",
        default=weights.LITE0,
        help="efficientnet_lite0, resnet50, or another torchvision classifier",
    )
    add("--pretrained", **_switch(True), help="start from ImageNet weights (the default)")
    add("--no-pretrained", dest="pretrained", **_switch(False), help="start from random weights")
    add(
        "--weights",
        help="package, torchvision or a .pth file; default: the channel, else what the network has",
    )
    add("--head-width", type=_number(int, 0), default=0, help="units of a hidden layer in the head; 0: none")
    add("--dropout", type=_number(float, 0, 0.95), default=0.2)
    add("--unfreeze", type=_number(int, 0), default=0, help="let the last N stages of the backbone learn too")
    add = parser.add_argument_group("learning").add_argument
    add("--epochs", type=_number(int, 1), default=20)
    add("--batch-size", type=_number(int, 1), default=64, help="pictures of one step, over all hosts")
    add("--lr", type=_number(float, 1e-12), default=2e-3, help="the head's highest learning rate")
    add("--backbone-lr-factor", type=_number(float, 0), default=0.1, help="times --lr: the unfrozen stages'")
    add("--warmup-epochs", type=_number(float, 0), default=1.0)
    add("--weight-decay", type=_number(float, 0), default=0.05)
    add("--label-smoothing", type=_number(float, 0, 0.9), default=0.05)
    add("--views", type=_number(int, 0), default=0, help="augmented views of each picture, frozen backbone")
    add("--patience", type=_number(int, 1), default=8, help="epochs without a better validation loss to stop")
    add("--seed", type=_number(int, 0), default=0)
    cpus = int(environment.get("SM_NUM_CPUS") or cores)
    add("--workers", type=_number(int, 0), default=cpus, help="threads or processes that decode pictures")
    args = parser.parse_args([_dashed(argument) for argument in argv])
    if args.data is None:
        parser.error("no data: give --data DIR, or the channel 'training'")
    if args.checkpoint_dir is None:  # SageMaker's folder for checkpoints lies beside the one for the model
        beside = (
            Path(environment["SM_MODEL_DIR"]).with_name("checkpoints")
            if "SM_MODEL_DIR" in environment
            else None
        )
        args.checkpoint_dir = beside if beside and beside.is_dir() else None
    if args.cache_dir is None and args.checkpoint_dir is not None:
        args.cache_dir = args.checkpoint_dir / "features"
    return args


def _folders(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    add = parser.add_argument_group("folders").add_argument
    get = environment.get
    add("--data", type=Path, default=get("SM_CHANNEL_TRAINING"), help="train|valid|test/CLASS/*.jpg")
    add("--model-dir", type=Path, default=get("SM_MODEL_DIR", "model"), help="where the model is written")
    add(
        "--checkpoint-dir",
        type=Path,
        default=get("SM_CHECKPOINT_DIR"),
        help="what an interrupted run resumes",
    )
    add(
        "--checkpoint-seconds", type=_number(float, 0), default=2.0, help="least time between two checkpoints"
    )
    add("--cache-dir", type=Path, help="where features are kept; default: below the checkpoints")
    add(
        "--features-dir",
        type=Path,
        default=get("SM_CHANNEL_FEATURES"),
        help="features computed by another run",
    )
    add(
        "--features-only",
        **_switch(True, default=False),
        help="fill --model-dir with features, train nothing",
    )
    add(
        "--pretrained-dir", type=Path, default=get("SM_CHANNEL_PRETRAINED"), help="folder of ImageNet weights"
    )


def _dashed(argument: str) -> str:
    """Return ``--batch_size=a_b`` as ``--batch-size=a_b``; anything but an option's name is left alone."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def _switch(meaning: bool, default: bool = True) -> dict[str, Any]:
    """Return argparse settings of a flag that may carry a value, as hyperparameters do."""

    def read(text: str) -> bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
        return (text.lower() in ("true", "1")) == meaning

    return {"nargs": "?", "const": meaning, "default": default, "type": read}


def _number(kind: type[int] | type[float], least: float, most: float = math.inf) -> Callable[[str], float]:
    """Return an argparse type for finite numbers between two limits."""

    def read(text: str) -> float:
        number = float(text)  # tuners write whole numbers as 64.0
        if kind is int and number != int(number):
            raise argparse.ArgumentTypeError(f"{text} is not a whole number")
        if not (math.isfinite(number) and least <= number <= most):
            limits = f"at least {least:g}" + (f" and at most {most:g}" if most < math.inf else "")
            raise argparse.ArgumentTypeError(f"{text} is not {limits}")
        return kind(number)

    return read
