"""The ranges of a tuning job's hyperparameters, their scales, and their values as text.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

AUTO_DECADES = 2.0  # `Auto` takes the logarithm where the limits are at least a factor of 100 apart


class RangeError(Exception):
    """A range is invalid; the text names it, in the words of a ValidationException."""


@dataclass(frozen=True)
class NumberRange:
    """An integer or continuous hyperparameter.

    A search samples a *number* between `low` and `high`, uniformly or, where `logarithmic` holds, uniformly
    in its logarithm. The number is the hyperparameter itself, except on the reverse logarithmic scale: there
    it is ``-log(1 - x)``, which gives values near 1 the detail that the logarithm gives those near 0.
    An integer is the whole number next to it: its limits are half a unit further out, to be as likely as the
    rest.

    Parameters
    ----------
    name
        The hyperparameter.
    minimum, maximum
        Its limits, both included.
    scaling
        ``Linear``, ``Logarithmic`` or ``ReverseLogarithmic``.
    integer
        Whether its values are whole numbers.
    """

    name: str
    minimum: float
    maximum: float
    scaling: str
    integer: bool

    @property
    def logarithmic(self) -> bool:
        """Whether numbers are sampled uniformly in their logarithm."""
        return self.scaling == "Logarithmic"

    @property
    def low(self) -> float:
        """The lowest number that a search samples."""
        return self._number(self.minimum - (0.5 if self.integer else 0.0))

    @property
    def high(self) -> float:
        """The highest number that a search samples."""
        return self._number(self.maximum + (0.5 if self.integer else 0.0))

    def number(self, text: str) -> float:
        """Return the number of a hyperparameter's text, within the limits."""
        return min(max(self._number(float(text)), self.low), self.high)

    def text(self, number: float) -> str:
        """Return the hyperparameter's text for a number, within the limits."""
        value = -math.expm1(-number) if self.scaling == "ReverseLogarithmic" else number
        value = min(max(round(value) if self.integer else value, self.minimum), self.maximum)
        return str(int(value)) if self.integer else repr(float(value))

    def _number(self, value: float) -> float:
        return -math.log1p(-value) if self.scaling == "ReverseLogarithmic" else value


@dataclass(frozen=True)
class CategoricalRange:
    """A categorical hyperparameter: its values have no order.

    Parameters
    ----------
    name
        The hyperparameter.
    values
        Its values, all different.
    """

    name: str
    values: tuple[str, ...]


Range = NumberRange | CategoricalRange


def read(parameter_ranges: dict[str, Any]) -> tuple[Range, ...]:
    """Read the ``ParameterRanges`` of a request.

    Parameters
    ----------
    parameter_ranges
        ``IntegerParameterRanges``, ``ContinuousParameterRanges`` and ``CategoricalParameterRanges``.

    Raises
    ------
    RangeError
        There is no range, one is empty or its limits are not numbers, its scaling does not suit it, or two
        have one name.
    """
    ranges: list[Range] = []
    for kind, integer in (("IntegerParameterRanges", True), ("ContinuousParameterRanges", False)):
        ranges += [_number_range(definition, integer) for definition in parameter_ranges.get(kind) or []]
    for definition in parameter_ranges.get("CategoricalParameterRanges") or []:
        if len(set(definition["Values"])) != len(definition["Values"]):
            raise RangeError(f"The values of categorical parameter {definition['Name']} must be unique.")
        ranges.append(CategoricalRange(definition["Name"], tuple(definition["Values"])))
    names = [range_.name for range_ in ranges]
    if not names:
        raise RangeError("At least one hyperparameter range must be given.")
    for name in names:
        if names.count(name) > 1:
            raise RangeError(f"Hyperparameter {name} has more than one range.")
    return tuple(ranges)


def _number_range(definition: dict[str, Any], integer: bool) -> NumberRange:
    name, scaling = definition["Name"], definition.get("ScalingType") or "Auto"
    try:
        minimum, maximum = (float(definition[limit]) for limit in ("MinValue", "MaxValue"))
    except ValueError as error:
        raise RangeError(f"The limits of parameter {name} are no numbers: {error}.") from error
    if not (math.isfinite(minimum) and math.isfinite(maximum) and minimum < maximum):
        raise RangeError(f"MinValue of parameter {name} must be less than its MaxValue.")
    if integer and (minimum != int(minimum) or maximum != int(maximum)):
        raise RangeError(f"The limits of integer parameter {name} must be whole numbers.")
    if scaling == "Auto":
        scaling = "Logarithmic" if minimum > 0 and maximum / minimum >= 10**AUTO_DECADES else "Linear"
    if scaling == "Logarithmic" and minimum <= 0:
        raise RangeError(f"Logarithmic scaling of parameter {name} needs a MinValue above 0.")
    if scaling == "ReverseLogarithmic" and (integer or minimum < 0 or maximum >= 1):
        raise RangeError(
            f"Reverse logarithmic scaling of parameter {name} needs a continuous range within 0 <= x < 1."
        )
    return NumberRange(name, minimum, maximum, scaling, integer)
