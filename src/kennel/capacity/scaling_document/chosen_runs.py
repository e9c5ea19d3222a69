"""Which runs the document shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from kennel.capacity.assumptions import SERVICE_MS, START_UP, WORKERS
from kennel.capacity.measured import figure
from kennel.capacity.plan import rule_of_thumb
from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.capacity.scaling_document.runs import Comparison, Run, Traffic
from kennel.capacity.scaling_document.settings import Settings

REQUESTS, MILLION = 3_000_000, 1_000_000
MOST = 30  # instances: so many that the target decides, not the bound
SHAPES = ("diurnal", "spike", "flash-crowd")
LOW, HIGH = (120, 300, 600), (1500, 1800, 2100)
COOLDOWNS = ((0, 300), (60, 60), (60, 300), (60, 900), (300, 300))
START_UPS = (60, 150, 300, 600)
FAST = 60  # seconds of a start-up
MINIMA = (1, 2, 3, 4, 5)
P99_MS = 300.0
COMPARED = (
    (10_000, "diurnal"),
    (100_000, "diurnal"),
    (MILLION, "diurnal"),
    (REQUESTS, "steady"),
    (REQUESTS, "diurnal"),
    (REQUESTS, "spike"),
    (REQUESTS, "flash-crowd"),
    (10_000_000, "diurnal"),
)
RATE = 1000 * WORKERS / SERVICE_MS  # requests a second that an instance answers
RULE = rule_of_thumb(RATE)


@dataclass(frozen=True)
class ChosenRuns:
    """The runs of the document, for the stack's settings."""

    settings: Settings

    def run(
        self, shape: str, target: float, *, start_up: float | None = None, **changes: float | bool
    ) -> Run:
        """Return a day of `REQUESTS` with the stack's policy, a target, and at most `MOST` instances."""
        traffic = Traffic(shape, REQUESTS)
        if start_up is not None:
            traffic = replace(traffic, start_up=start_up)
        return Run(traffic, self._policy(target, **changes))

    def slow(self, target: float) -> Run:
        """Return a day of a million requests to a release with the slowest runtime."""
        service_ms = round(1000 * WORKERS / figure("torch_answers_per_second"), 1)
        return Run(Traffic("diurnal", MILLION, service_ms), self._policy(target))

    def fast(self, target: float) -> Run:
        """Return the same day with the release that was measured to be the fastest."""
        return Run(Traffic("diurnal", MILLION), self._policy(target))

    def cooldowns(self, shape: str) -> list[Run]:
        """Return a day with each of several cooldowns."""
        return [
            self.run(shape, RULE, scale_out_cooldown=after_out, scale_in_cooldown=after_in)
            for after_out, after_in in COOLDOWNS
        ]

    def crowd(self, start_up: float, *, concurrent: bool) -> Run:
        """Return the flash crowd, tracked by either metric."""
        if concurrent:
            target = self.settings.concurrent
            return self.run("flash-crowd", target, start_up=start_up, high_resolution=True)
        return self.run("flash-crowd", RULE, start_up=start_up)

    def comparison(self, requests: int, shape: str) -> Comparison:
        """Return a day served in all ways."""
        return Comparison(Traffic(shape, requests), P99_MS)

    def targets(self) -> list[float]:
        """Return the targets of the first table."""
        return sorted({*LOW, RULE, *HIGH, self.settings.policy.target})

    def all(self) -> Iterator[Run | Comparison]:
        """Yield every run of the document."""
        for shape in SHAPES:
            yield from (self.run(shape, target) for target in self.targets())
        for target in (self.settings.policy.target, min(LOW)):
            yield self.slow(target)
        yield self.fast(RULE)
        for shape in ("spike", "diurnal"):
            yield from self.cooldowns(shape)
        yield from (self.run("spike", RULE, start_up=seconds) for seconds in START_UPS)
        for seconds in (FAST, START_UP):
            yield from (self.crowd(seconds, concurrent=concurrent) for concurrent in (False, True))
        for shape in ("spike", "flash-crowd"):
            yield from (self.run(shape, RULE, minimum=minimum) for minimum in MINIMA)
        yield from (self.comparison(*day) for day in COMPARED)

    def _policy(self, target: float, **changes: float | bool) -> TargetTracking:
        members: dict[str, Any] = {"maximum": MOST, **changes, "target": target}
        return replace(self.settings.policy, **members)
