"""What the checks of one run report together: the table, the JSON document, the closing line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kennel.checks.check import CheckOutcome, Counts


@dataclass(frozen=True)
class Summary:
    """The outcomes of one run and how long it took, which is less than their sum: checks run side by side."""

    outcomes: Sequence[CheckOutcome]
    seconds: float

    @property
    def failed(self) -> list[CheckOutcome]:
        """The checks that did not pass."""
        return [outcome for outcome in self.outcomes if not outcome.ok]

    @property
    def tests(self) -> Counts:
        """The tests of all runs together."""
        return sum((outcome.result.tests or Counts() for outcome in self.outcomes), Counts())

    @property
    def processor_seconds(self) -> float:
        """The processor time of all checks together."""
        return round(sum(outcome.processor_seconds for outcome in self.outcomes), 1)

    def rows(self) -> list[tuple[str, str, float, float, str]]:
        """Return the rows of the table; the last is the whole run."""
        rows = [
            (
                "✓" if outcome.ok else "✗",
                outcome.name,
                outcome.seconds,
                outcome.processor_seconds,
                outcome.result.summary,
            )
            for outcome in self.outcomes
        ]
        whole = ("✗" if self.failed else "✓", "in all", self.seconds, self.processor_seconds, str(self.tests))
        return [*rows, whole]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "ok": not self.failed,
            "seconds": self.seconds,
            "processor_seconds": self.processor_seconds,
            "tests": vars(self.tests),
            "checks": [outcome.as_dict() for outcome in self.outcomes],
        }
