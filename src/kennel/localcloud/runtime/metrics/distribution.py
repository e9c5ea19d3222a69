"""The values of one metric in one period: count, sum, extremes, and a bounded sketch for percentiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

MOST_VALUES = 512  # different values that are kept as they are
# Beyond those, values are kept on a logarithmic grid: neighbours differ by this factor, so a percentile is
# off by 1 % at most. The grid becomes coarser if even that is not enough.
GRID = math.log(1.02)


class Distribution:
    """What is kept of the values of one period.

    Attributes
    ----------
    count, total, minimum, maximum
        Exact, whatever was added.
    complete
        Whether the sketch has all values: not if a statistic set was added, which hides them, or a negative
        value, for which AWS has no percentiles.
    """

    __slots__ = ("_grid", "_values", "complete", "count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self.count = self.total = 0.0
        self.minimum, self.maximum = math.inf, -math.inf
        self.complete = True
        self._values: dict[float, float] = {}
        self._grid = 0.0  # the logarithm of the grid's factor; 0 while values are exact

    def add(self, value: float, count: float = 1.0) -> None:
        """Add a value so many times."""
        self.count += count
        self.total += value * count
        if value < self.minimum:
            self.minimum = value
        if value > self.maximum:
            self.maximum = value
        if value < 0:
            self.complete = False
        elif self.complete:
            self._note(value, count)

    def add_set(self, count: float, total: float, minimum: float, maximum: float) -> None:
        """Add a statistic set; AWS knows its percentiles only if all its values are the same."""
        if minimum == maximum or count == 1:
            self.add(maximum, count)
            return
        self.complete = False
        self.count += count
        self.total += total
        self.minimum, self.maximum = min(self.minimum, minimum), max(self.maximum, maximum)

    def merge(self, other: Distribution) -> None:
        """Add all values of another period."""
        self.count += other.count
        self.total += other.total
        self.minimum, self.maximum = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        self.complete = self.complete and other.complete
        if self.complete:
            for value, count in other.values():
                self._note(value, count)

    def values(self) -> Iterable[tuple[float, float]]:
        """Return the different values, in no order, and how often each occurred."""
        return self._values.items()

    def few_values(self, most: int) -> Iterable[tuple[float, float]]:
        """Return `values`, rounded so that there are at most so many different ones."""
        self._coarsen(most)
        return self._values.items()

    @property
    def figures(self) -> tuple[float, float, float, float]:
        """The count, the total, the minimum and the maximum."""
        return self.count, self.total, self.minimum, self.maximum

    @classmethod
    def of(
        cls, figures: Sequence[float], complete: bool, values: Iterable[tuple[float, float]]
    ) -> Distribution:
        """Return the distribution with these `figures` and `values`."""
        made = cls()
        made.count, made.total, made.minimum, made.maximum = figures
        made.complete, made._values = complete, dict(values)
        return made

    def _note(self, value: float, count: float) -> None:
        values = self._values
        if self._grid:
            value = _on_grid(value, self._grid)
        values[value] = values.get(value, 0.0) + count
        if len(values) > MOST_VALUES:
            self._coarsen(MOST_VALUES)

    def _coarsen(self, most: int) -> None:
        while len(self._values) > most:
            self._grid = 2 * self._grid or GRID
            exact, self._values = self._values, {}
            for value, count in exact.items():
                rounded = _on_grid(value, self._grid)
                self._values[rounded] = self._values.get(rounded, 0.0) + count

    def __getstate__(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, value)


def _on_grid(value: float, grid: float) -> float:
    return math.exp(round(math.log(value) / grid) * grid) if value > 0 else value
