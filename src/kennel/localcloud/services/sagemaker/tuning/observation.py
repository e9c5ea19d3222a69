"""What a search learns from a trial."""

from __future__ import annotations

from dataclasses import dataclass

Values = dict[str, str]


@dataclass(frozen=True)
class Observation:
    """A trial so far.

    Parameters
    ----------
    values
        Its tuned hyperparameters.
    loss
        Its objective, the smaller the better; None while it runs; infinite if it ended without one.
    """

    values: Values
    loss: float | None
