"""A job's log: lines printed at once, and metrics in the form that the job's metric definitions match."""

from __future__ import annotations

import time
from collections.abc import Mapping


class ThrottledProgress:
    """Prints lines of progress, at most one in ``every_seconds``."""

    def __init__(self, prefix: str, every_seconds: float = 5.0) -> None:
        self.prefix, self.every_seconds = prefix, every_seconds
        self.last = time.monotonic()

    def report(self, line: str) -> None:
        """Print the line if the last one is old enough."""
        if time.monotonic() - self.last > self.every_seconds:
            self.last = time.monotonic()
            print_line(f"{self.prefix}: {line}")


def print_line(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def print_metrics(values: Mapping[str, float]) -> None:
    """Print ``name=value;`` pairs."""
    print_line(" ".join(f"{name}={value:.6g};" for name, value in values.items()))
