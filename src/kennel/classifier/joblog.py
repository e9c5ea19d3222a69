"""A job's log: lines printed at once, metrics in the form that SageMaker's definitions match."""

from __future__ import annotations

import time
from collections.abc import Mapping


class Progress:
    """Passes a line on now and then: a log wants to show life, not every step."""

    def __init__(self, prefix: str, every_seconds: float = 5.0) -> None:
        self.prefix, self.every, self.last = prefix, every_seconds, time.monotonic()

    def say(self, line: str) -> None:
        """Print the line if the last one is old enough."""
        if time.monotonic() - self.last > self.every:
            self.last = time.monotonic()
            say(f"{self.prefix}: {line}")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def say_metrics(values: Mapping[str, float]) -> None:
    """Print ``name=value;`` pairs."""
    say(" ".join(f"{name}={value:.6g};" for name, value in values.items()))
