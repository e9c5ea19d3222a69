"""A task's options, from the signature of its function: their kinds, defaults and help."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from kennel.commands.values import Number, Several, Value
from kennel.errors import UsageError

REQUIRED: Any = inspect.Parameter.empty


@dataclass(frozen=True)
class Option:
    """One argument of a task.

    Parameters
    ----------
    value
        The kind of its values; None for a switch.
    default
        `REQUIRED` if there is none.
    positional
        Whether it may be given without its name.
    """

    name: str
    value: Value | None
    default: Any
    help: str
    positional: bool

    @property
    def flag(self) -> str:
        """The name on the command line: ``--batch-size``."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def flags(self) -> tuple[str, ...]:
        """The name, and for a switch that is on by default its opposite."""
        return (self.flag, f"--no-{self.flag[2:]}") if self.default is True else (self.flag,)

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED

    @property
    def several(self) -> bool:
        """Whether it takes more than one value."""
        return isinstance(self.value, Several)

    def joined(self, values: Mapping[str, Any], value: Any) -> Any:
        """Return a value that was read, behind those that the same command line gave before it."""
        return (*values.get(self.name, ()), *value) if self.several else value

    @property
    def title(self) -> str:
        """The name by which errors call it: ``PHOTO`` or ``--top``."""
        return self.name.upper() if self.required else self.flag

    def checked(self, given: Any) -> Any:
        """Return the value of a text; what is no text has been read already.

        Raises
        ------
        UsageError
            It is not allowed; the text says what is.
        """
        if self.value is None or not isinstance(given, str):
            return given
        if given == self.default:
            return given
        try:
            return self.value.read(given)
        except ValueError as error:
            raise UsageError(f"{self.title}: {error}") from error

    def check(self, value: Any, environment: str) -> None:
        """Check a value that is allowed in some environments only.

        Raises
        ------
        UsageError
            It is not allowed in this one; the text says what is.
        """
        if self.value is None or value is None:
            return
        try:
            self.value.check(value, environment)
        except ValueError as error:
            raise UsageError(f"{self.title}: {error}") from error


def options_of(
    function: Callable[..., Any],
    parameters: Iterable[inspect.Parameter],
    positional: Iterable[str],
    help_: Mapping[str, str],
) -> tuple[Option, ...]:
    """Return the options for parameters of a task's function, the positional ones first in their order."""
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    texts = {p.name: p.annotation for p in parameters if p.annotation is not inspect.Parameter.empty}
    annotated: Any = types.SimpleNamespace(__annotations__=texts)
    hints = typing.get_type_hints(annotated, globalns=scope, include_extras=True)
    order = {name: index for index, name in enumerate(positional)}
    options = [
        Option(
            name=parameter.name,
            value=_kind(parameter, hints.get(parameter.name)),
            default=parameter.default,
            help=help_.get(parameter.name, ""),
            positional=parameter.name in order,
        )
        for parameter in parameters
    ]
    return tuple(sorted(options, key=lambda option: order.get(option.name, len(order))))


def _kind(parameter: inspect.Parameter, hint: Any) -> Value | None:
    if isinstance(parameter.default, bool):
        return None
    if typing.get_origin(hint) is Annotated:
        for extra in hint.__metadata__:
            if isinstance(extra, Value):
                return extra
        hint = typing.get_args(hint)[0]
    for kind, whole in ((int, True), (float, False)):
        if hint is kind or kind in typing.get_args(hint) or type(parameter.default) is kind:
            return Number(whole=whole)
    return Value()
