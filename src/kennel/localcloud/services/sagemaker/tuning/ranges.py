"""What a tuning job searches: ranges of hyperparameters, and points of the unit cube as their values.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

AUTO_DECADES = 2.0  # `Auto` takes the logarithm where the limits are at least a factor of 100 apart


class RangeError(Exception):
    """A range is senseless; the text names it, in the words of a ValidationException."""


@dataclass(frozen=True)
class NumberRange:
    """An integer or continuous hyperparameter.

    Parameters
    ----------
    name
        The hyperparameter.
    least, most
        Its limits, both possible.
    scaling
        ``Linear``, ``Logarithmic`` or ``ReverseLogarithmic``.
    whole
        Whether it is an integer.
    """

    name: str
    least: float
    most: float
    scaling: str
    whole: bool

    width = 1

    def value(self, place: float) -> str:
        """Return the value at a place between 0 and 1, as a hyperparameter's text."""
        low, high = self._ends()
        number = self._unscaled(low + (high - low) * place)
        if self.whole:
            return str(int(min(max(round(number), self.least), self.most)))
        return repr(min(max(number, self.least), self.most))

    def coordinates(self, value: str) -> list[float]:
        """Return where a value lies between 0 and 1."""
        low, high = self._ends()
        return [(self._scaled(float(value)) - low) / (high - low)]

    def _ends(self) -> tuple[float, float]:
        # An integer stands for the interval round it, so that both ends are as likely as the rest.
        edge = 0.5 if self.whole else 0.0
        return self._scaled(self.least - edge), self._scaled(self.most + edge)

    def _scaled(self, number: float) -> float:
        if self.scaling == "Logarithmic":
            return math.log(number)
        return -math.log1p(-number) if self.scaling == "ReverseLogarithmic" else number

    def _unscaled(self, place: float) -> float:
        if self.scaling == "Logarithmic":
            return math.exp(place)
        return -math.expm1(-place) if self.scaling == "ReverseLogarithmic" else place


@dataclass(frozen=True)
class ChoiceRange:
    """A categorical hyperparameter."""

    name: str
    values: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many coordinates it has for a model: one a value."""
        return len(self.values)

    def value(self, place: float) -> str:
        """Return the value at a place between 0 and 1."""
        return self.values[min(int(place * len(self.values)), len(self.values) - 1)]

    def coordinates(self, value: str) -> list[float]:
        """Return one coordinate a value, so that all differ from each other alike."""
        return [math.sqrt(0.5) if value == one else 0.0 for one in self.values]


Range = NumberRange | ChoiceRange


@dataclass(frozen=True)
class Space:
    """All ranges of a tuning job; a point has one place between 0 and 1 for each of them."""

    ranges: tuple[Range, ...]

    def values(self, point: Sequence[float]) -> dict[str, str]:
        """Return the hyperparameters at a point."""
        return {one.name: one.value(place) for one, place in zip(self.ranges, point, strict=True)}

    def coordinates(self, values: dict[str, str]) -> list[float]:
        """Return what a model sees of hyperparameters: what rounding made equal is equal here too."""
        return [number for one in self.ranges for number in one.coordinates(values[one.name])]


def read(parameter_ranges: dict[str, Any]) -> Space:
    """Read the ``ParameterRanges`` of a request.

    Raises
    ------
    RangeError
        A range is empty, its numbers are none, its scaling does not suit it, or a name comes twice.
    """
    ranges: list[Range] = []
    for kind, whole in (("IntegerParameterRanges", True), ("ContinuousParameterRanges", False)):
        ranges += [_number(one, whole) for one in parameter_ranges.get(kind) or []]
    for one in parameter_ranges.get("CategoricalParameterRanges") or []:
        if len(set(one["Values"])) != len(one["Values"]):
            raise RangeError(f"The values of categorical parameter {one['Name']} must be unique.")
        ranges.append(ChoiceRange(one["Name"], tuple(one["Values"])))
    names = [one.name for one in ranges]
    if not names:
        raise RangeError("At least one hyperparameter range must be given.")
    for name in names:
        if names.count(name) > 1:
            raise RangeError(f"Hyperparameter {name} has more than one range.")
    return Space(tuple(ranges))


def _number(given: dict[str, Any], whole: bool) -> NumberRange:
    name, scaling = given["Name"], given.get("ScalingType") or "Auto"
    try:
        least, most = (float(given[end]) for end in ("MinValue", "MaxValue"))
    except ValueError as error:
        raise RangeError(f"The limits of parameter {name} are no numbers: {error}.") from error
    if not (math.isfinite(least) and math.isfinite(most) and least < most):
        raise RangeError(f"MinValue of parameter {name} must be less than its MaxValue.")
    if whole and (least != int(least) or most != int(most)):
        raise RangeError(f"The limits of integer parameter {name} must be whole numbers.")
    if scaling == "Auto":
        scaling = "Logarithmic" if least > 0 and most / least >= 10**AUTO_DECADES else "Linear"
    if scaling == "Logarithmic" and least <= 0:
        raise RangeError(f"Logarithmic scaling of parameter {name} needs a MinValue above 0.")
    if scaling == "ReverseLogarithmic" and (whole or least < 0 or most >= 1):
        raise RangeError(
            f"Reverse logarithmic scaling of parameter {name} needs a continuous range within 0 <= x < 1."
        )
    return NumberRange(name, least, most, scaling, whole)
