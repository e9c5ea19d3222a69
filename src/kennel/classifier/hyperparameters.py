"""The training's hyperparameters, each declared once, and the ranges of those that the tuner searches.

The training script's command line (`kennel.classifier.arguments`), the tasks and the tuner use these
declarations. Nothing here imports PyTorch, so that ``./kennel --list`` stays fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

LITE0 = "efficientnet_lite0"

Value = bool | int | float | str | None
T = TypeVar("T", bound=Value)


@dataclass(frozen=True)
class Declaration:
    """The properties of one hyperparameter, without its name and default.

    Parameters
    ----------
    help
        One line for command lines.
    kind
        Type of its values.
    group
        ``network`` or ``learning``: its section in the training script's help.
    least, most
        Limits of a number, both allowed.
    choices
        All values of a text that is one of a few words.
    """

    help: str
    kind: type[bool] | type[int] | type[float] | type[str]
    group: str
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()


def _declare(group: str) -> Callable[..., Any]:
    """Return a function that declares dataclass fields of one group."""

    def declare(
        default: T,
        help_: str,
        least: float = -math.inf,
        most: float = math.inf,
        kind: type | None = None,
        choices: tuple[str, ...] = (),
    ) -> T:
        declaration = Declaration(help_, kind or type(default), group, least, most, choices)
        value: T = field(default=default, metadata={"declaration": declaration})
        return value

    return declare


_network = _declare("network")
_learning = _declare("learning")


@dataclass(frozen=True)
class Hyperparameters:
    """The values that one training uses."""

    arch: str = _network(LITE0, f"{LITE0}, resnet50 or another torchvision classifier")
    pretrained: bool = _network(True, "start from ImageNet weights; --no-pretrained: from random ones")
    weights: str | None = _network(
        None,
        "package, torchvision or a .pth file (default: the channel's file, else the network's usual source)",
        kind=str,
    )
    prior: str = _network(
        "imagenet",
        "imagenet: start from what ImageNet's classifier says of the classes it knows; none: from nothing",
        choices=("imagenet", "none"),
    )
    head_width: int = _network(0, "units of the head's hidden layer; 0: no hidden layer", least=0)
    dropout: float = _network(0.2, "share of the inputs of the head's layers to drop", least=0, most=0.95)
    unfreeze: int = _network(0, "how many of the backbone's last stages learn too", least=0)
    epochs: int = _learning(20, "passes over the training photos", least=1)
    batch_size: int = _learning(64, "photos of one step, over all instances", least=1)
    lr: float = _learning(2e-3, "the head's highest learning rate", least=1e-12)
    backbone_lr_factor: float = _learning(0.1, "times --lr: the unfrozen stages' learning rate", least=0)
    warmup_epochs: float = _learning(1.0, "epochs in which the learning rate rises", least=0)
    weight_decay: float = _learning(0.05, "weight decay of AdamW", least=0)
    label_smoothing: float = _learning(0.05, "share of the target spread over all classes", least=0, most=0.9)
    views: int = _learning(0, "augmented views of each photo, for a frozen backbone", least=0)
    patience: int = _learning(8, "epochs without a better validation loss after which to stop", least=1)
    seed: int = _learning(0, "seed of the new head and of the order of the photos", least=0)
    allow_leakage: bool = _learning(False, "train although photos of the test split are in another split too")


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter as declared in `Hyperparameters`."""

    name: str
    default: Value
    declaration: Declaration

    @property
    def option(self) -> str:
        """The option's name on command lines and in training jobs: ``batch-size``."""
        return self.name.replace("_", "-")

    @property
    def help(self) -> str:
        """The help text of command lines, with the default."""
        text = self.declaration.help
        has_default = self.default is not None and self.declaration.kind is not bool
        return f"{text} (default: {self.default})" if has_default else text

    def parse(self, text: str) -> Value:
        """Return the value that a text stands for.

        Raises
        ------
        ValueError
            It is of another type or outside the limits; the text says which.
        """
        kind, least, most = self.declaration.kind, self.declaration.least, self.declaration.most
        if kind is str:
            choices = self.declaration.choices
            if choices and text not in choices:
                raise ValueError(f"{text!r} is none of them: use one of {', '.join(choices)}")
            return text
        if kind is bool:
            return parse_switch(text)
        return parse_number(text, whole=kind is int, least=least, most=most)

    def text(self, value: Value) -> str:
        """Return a value as the training script's command line takes it."""
        return str(value).lower() if self.declaration.kind is bool else str(value)


def parse_switch(text: str) -> bool:
    """Return what ``true``, ``false``, ``1`` or ``0`` stand for, in any case.

    Raises
    ------
    ValueError
        The text is none of them.
    """
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in ("true", "1")


def parse_number(text: str, *, whole: bool, least: float, most: float = math.inf) -> int | float:
    """Return a finite number between two limits.

    Raises
    ------
    ValueError
        The text is no number, not a whole number, or outside the limits.
    """
    try:
        number = float(text)  # tuners write whole numbers as 64.0
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not (math.isfinite(number) and least <= number <= most):
        limits = f"at least {least:g}" + (f" and at most {most:g}" if most < math.inf else "")
        raise ValueError(f"{text} is not {limits}")
    if whole and number != int(number):
        raise ValueError(f"{text} is not a whole number")
    return int(number) if whole else number


DECLARED: dict[str, Hyperparameter] = {
    declared.name: Hyperparameter(
        declared.name, cast(Value, declared.default), declared.metadata["declaration"]
    )
    for declared in fields(Hyperparameters)
}
"""All hyperparameters by name, in the order of their declaration."""


@dataclass(frozen=True)
class Interval:
    """Values between two limits, searched on a linear or a logarithmic scale."""

    least: float
    most: float
    logarithmic: bool = False

    def at(self, share: float) -> float:
        """Return the value at a share, 0 to 1, of the way from the lower limit to the upper on the scale."""
        if self.logarithmic:
            return self.least * (self.most / self.least) ** share
        return self.least + (self.most - self.least) * share


@dataclass(frozen=True)
class Choices:
    """A few values, of which the search chooses."""

    values: tuple[int, ...]


# What the tuner searches. A seeded search draws in this order.
SEARCH_SPACE: dict[str, Interval | Choices] = {
    "lr": Interval(1e-4, 3e-2, logarithmic=True),
    "batch_size": Interval(16, 128, logarithmic=True),
    "head_width": Choices((0, 128, 256, 512)),
    "dropout": Interval(0.0, 0.6),
    "label_smoothing": Interval(0.0, 0.2),
}
