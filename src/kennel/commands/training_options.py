"""The options that the training tasks share: hyperparameters, and where photos and weights come from."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from kennel.classifier import TrainingError
from kennel.classifier.hyperparameters import DECLARED
from kennel.commands.known_names import Architecture
from kennel.commands.values import Hyperparameter

# The hyperparameters that one training takes, wherever it runs.
TRAINED_WITH = (
    "arch",
    "pretrained",
    "prior",
    "head_width",
    "dropout",
    "unfreeze",
    "epochs",
    "batch_size",
    "lr",
    "weight_decay",
    "label_smoothing",
    "views",
    "patience",
    "seed",
    "allow_leakage",
)

HELP = {
    "data": "name of an uploaded data set (default: that of --best-of, else dogs)",
    "weights": "channel, package or torchvision (default: the channel if data.upload --weights filled it)",
    "best_of": "a tuning job whose best hyperparameters to take where none is given here",
    "instance_type": "the type of the instances (default: the stack's)",
}


def help_for(*names: str, **texts: str) -> dict[str, Any]:
    """Return the help of some shared options and hyperparameters, and of a task's own options."""
    return {name: HELP.get(name) or DECLARED[name].help for name in names} | texts


def takes_hyperparameters(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a task an option for each named hyperparameter.

    The task's body receives those that the command line gives, checked, as the training script's arguments: a
    dictionary called ``hyperparameters``.
    """

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(body)
        def run(**arguments: Any) -> Any:
            options = {name: arguments.pop(name) for name in names}
            return body(hyperparameters=checked_arguments(options), **arguments)

        own = inspect.signature(body)
        kept = [parameter for parameter in own.parameters.values() if parameter.name != "hyperparameters"]
        run.__signature__ = own.replace(  # type: ignore[attr-defined]  # read by inspect.signature
            parameters=[*kept, *(_parameter(name) for name in names)]
        )
        return run

    return decorate


def checked_arguments(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the training script's arguments for the options that the command line gives.

    Raises
    ------
    TrainingError
        A value is of another type or outside the limits; the text is the training script's.
    """
    arguments: dict[str, str] = {}
    for name, value in options.items():
        declared = DECLARED[name]
        if value is None or (declared.declaration.kind is bool and value == declared.default):
            continue
        try:
            arguments[declared.option] = declared.text(declared.parse(str(value)))
        except ValueError as error:
            raise TrainingError(f"argument --{declared.option}: {error}") from error
    return arguments


def _parameter(name: str) -> inspect.Parameter:
    """Return a task's parameter for a hyperparameter: None means that it is not given."""
    declared = DECLARED[name]
    default = declared.default if declared.declaration.kind is bool else None
    value = Annotated[str | None, Architecture() if name == "arch" else Hyperparameter(name)]
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=value)
