"""What a check is, and what it reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path("build", "checks")  # of the checkout: logs, reports, coverage, Terraform's working data
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Counts:
    """How many tests passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of two runs together."""
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        """Return the counts as the closing line that continuous integration reads."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class CheckResult:
    """What one check reports; the processor seconds are those of the programs that it ran."""

    ok: bool
    output: str = ""
    summary: str = ""
    tests: Counts | None = None
    processor_seconds: float = 0.0


@dataclass(frozen=True)
class Check:
    """One check: its name, what it does, and which checks must have ended before it begins.

    ``run`` receives a function that shows the latest line of its output.
    """

    name: str
    run: Callable[[Progress], CheckResult]
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckOutcome:
    """A check's result, how long it took, and the processor time of its thread and its programs.

    A program's processor time includes that of all descendants that were waited for when they ended. A
    service that outlives the process that started it, as the local cloud's does, is not among them.
    """

    name: str
    seconds: float
    processor_seconds: float
    result: CheckResult = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the check passed."""
        return self.result.ok

    def as_dict(self) -> dict[str, Any]:
        """Return the row of the JSON document."""
        tests = self.result.tests
        return {
            "name": self.name,
            "ok": self.ok,
            "seconds": self.seconds,
            "processor_seconds": self.processor_seconds,
            "summary": self.result.summary,
            "tests": None if tests is None else vars(tests),
        }
