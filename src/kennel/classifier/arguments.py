"""The training script's command line: hyperparameters, folders, and what SageMaker's environment supplies."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from kennel.classifier import TrainingError
from kennel.classifier.hyperparameters import (
    DECLARED,
    Hyperparameters,
    parse_number,
    parse_switch,
)


@dataclass(frozen=True)
class Arguments:
    """What one training is started with.

    Parameters
    ----------
    data
        Folder of labelled photos.
    model_dir
        Where the model and its records are written.
    checkpoint_dir
        Where checkpoints are kept; None for none.
    checkpoint_seconds
        Least time between two checkpoints, in seconds.
    cache_dir
        Where features are kept; None for a temporary folder.
    features_dir
        Features that another run has computed.
    features_only
        Write features to ``model_dir`` and train nothing.
    pretrained_dir
        Folder of ImageNet weights.
    plots
        Draw the learning curves and the confusion matrix.
    workers
        Threads or processes that decode photos.
    """

    data: Path
    model_dir: Path
    checkpoint_dir: Path | None
    checkpoint_seconds: float
    cache_dir: Path | None
    features_dir: Path | None
    features_only: bool
    pretrained_dir: Path | None
    hyperparameters: Hyperparameters
    plots: bool
    workers: int

    def flat(self) -> dict[str, Any]:
        """Return all arguments by name, the hyperparameters among them, in the command line's order."""
        flat: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            flat |= asdict(value) if isinstance(value, Hyperparameters) else {field.name: value}
        return flat


def parse(argv: list[str], environment: Mapping[str, str], cores: int) -> Arguments:
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
        An argument is unknown or invalid; the parser has printed which on stderr.
    """
    return _read(_Parser(environment, cores), argv, environment)


def check(hyperparameters: Mapping[str, object]) -> Hyperparameters:
    """Return the hyperparameters of a training that is given these arguments; nothing is started.

    Parameters
    ----------
    hyperparameters
        Arguments of the training script by name, without dashes in front.

    Raises
    ------
    TrainingError
        The training script would refuse them; the text is the script's.
    """
    argv = [word for name, value in hyperparameters.items() for word in (f"--{name}", str(value))]
    return _read(_RaisingParser({}, cores=1), [*argv, "--data", "."], {}).hyperparameters


def add_options(parser: argparse.ArgumentParser, workers: int) -> None:
    """Add all options that are not folders: the hyperparameters, and ``--workers`` with its default."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for declared in DECLARED.values():
        title = declared.declaration.group
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        add, option = groups[title].add_argument, f"--{declared.option}"
        if declared.declaration.kind is bool:
            add(option, default=declared.default, help=declared.help, **_switch(True))
            add(
                f"--no-{declared.option}",
                dest=declared.name,
                default=declared.default,
                help=f"the opposite of {option}",
                **_switch(False),
            )
        else:
            add(option, default=declared.default, type=_reader(declared.parse), help=declared.help)
    groups["learning"].add_argument(
        "--workers",
        type=_number(int),
        default=workers,
        help="threads or processes that decode photos (default: one for each core)",
    )


class _Parser(argparse.ArgumentParser):
    """The training script's parser."""

    def __init__(self, environment: Mapping[str, str], cores: int) -> None:
        super().__init__(prog="training", description="Train a picture classifier.", allow_abbrev=False)
        self._add_folders(environment.get)
        add_options(self, workers=int(environment.get("SM_NUM_CPUS") or cores))

    def _add_folders(self, variable: Callable[..., str | None]) -> None:
        add = self.add_argument_group("folders").add_argument
        add("--data", type=Path, default=variable("SM_CHANNEL_TRAINING"), help="train|valid|test/CLASS/*.jpg")
        add(
            "--model-dir",
            type=Path,
            default=variable("SM_MODEL_DIR", "model"),
            help="where the model is written",
        )
        add(
            "--checkpoint-dir",
            type=Path,
            default=variable("SM_CHECKPOINT_DIR"),
            help="where an interrupted training finds its checkpoint",
        )
        add(
            "--checkpoint-seconds",
            type=_number(float),
            default=2.0,
            help="least time between two checkpoints",
        )
        add("--cache-dir", type=Path, help="where features are kept (default: below the checkpoints)")
        add(
            "--features-dir",
            type=Path,
            default=variable("SM_CHANNEL_FEATURES"),
            help="features computed by another run",
        )
        add(
            "--features-only",
            default=False,
            help="write features to --model-dir, train nothing",
            **_switch(True),
        )
        add(
            "--pretrained-dir",
            type=Path,
            default=variable("SM_CHANNEL_PRETRAINED"),
            help="folder of ImageNet weights",
        )
        add(
            "--plots",
            default=True,
            help="draw the learning curves and the confusion matrix, which takes a second",
            **_switch(True),
        )
        add("--no-plots", dest="plots", default=True, help="the opposite of --plots", **_switch(False))


class _RaisingParser(_Parser):
    """The same parser for arguments that do not come from a command line."""

    def error(self, message: str) -> NoReturn:
        raise TrainingError(message)


def _read(parser: argparse.ArgumentParser, argv: list[str], environment: Mapping[str, str]) -> Arguments:
    values = vars(parser.parse_args([_dashed(argument) for argument in argv]))
    if values["data"] is None:
        parser.error("no data: give --data DIR, or the channel 'training'")
    if values["checkpoint_dir"] is None and "SM_MODEL_DIR" in environment:
        # SageMaker's folder for checkpoints is next to the one for the model.
        checkpoints = Path(environment["SM_MODEL_DIR"]).with_name("checkpoints")
        values["checkpoint_dir"] = checkpoints if checkpoints.is_dir() else None
    if values["cache_dir"] is None and values["checkpoint_dir"] is not None:
        values["cache_dir"] = values["checkpoint_dir"] / "features"
    hyperparameters = Hyperparameters(**{name: values.pop(name) for name in DECLARED})
    return Arguments(hyperparameters=hyperparameters, **values)


def _dashed(argument: str) -> str:
    """Return ``--batch_size=a_b`` as ``--batch-size=a_b``; anything but an option's name is left alone."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def _switch(meaning: bool) -> dict[str, Any]:
    """Return argparse settings of a flag that may have a value, as hyperparameters do."""
    return {"nargs": "?", "const": meaning, "type": _reader(lambda text: parse_switch(text) == meaning)}


def _number(kind: type[int] | type[float]) -> Callable[[str], Any]:
    """Return an argparse type for numbers from 0 on."""
    return _reader(lambda text: parse_number(text, whole=kind is int, least=0, most=math.inf))


def _reader(parse_text: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return an argparse type that reports the text of a `ValueError`."""

    def read(text: str) -> Any:
        try:
            return parse_text(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read
