"""A training job's metrics: what its metric definitions find in the lines that it prints."""

from __future__ import annotations

import math
import re
import threading
from datetime import datetime
from typing import Any

NAMESPACE = "/aws/sagemaker/TrainingJobs"


class MetricScraper:
    """Finds metrics in lines of any host, and remembers the values of each.

    Parameters
    ----------
    definitions : list of dict
        ``{"Name", "Regex"}``; the first group of the regular expression is the value.

    Raises
    ------
    ValueError
        A regular expression is not one; the text names it.
    """

    def __init__(self, definitions: list[dict[str, str]]) -> None:
        self._patterns = []
        for definition in definitions:
            try:
                self._patterns.append((definition["Name"], re.compile(definition["Regex"])))
            except re.error as error:
                raise ValueError(
                    f"the regular expression {definition['Regex']!r} of metric {definition['Name']}: {error}"
                ) from error
        self._lock = threading.Lock()
        self._final: dict[str, dict[str, Any]] = {}
        self._values: dict[str, list[float]] = {}

    def read(self, line: str, host: str, now: datetime) -> list[dict[str, Any]]:
        """Return the metrics of a line as CloudWatch takes them, each with the host as its dimension."""
        metrics = []
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                try:
                    value = float(match.group(1))
                except (IndexError, TypeError, ValueError):
                    continue
                if math.isfinite(value):
                    with self._lock:
                        self._final[name] = {"MetricName": name, "Value": value, "Timestamp": now}
                        self._values.setdefault(name, []).append(value)
                    dimensions = [{"Name": "Host", "Value": host}]
                    metrics.append(
                        {"MetricName": name, "Value": value, "Timestamp": now, "Dimensions": dimensions}
                    )
        return metrics

    def final(self) -> list[dict[str, Any]]:
        """Return the last value of each metric, as DescribeTrainingJob shows them."""
        with self._lock:
            return list(self._final.values())

    def values(self, name: str) -> list[float]:
        """Return every value of a metric so far, in the order in which they were printed."""
        with self._lock:
            return list(self._values.get(name, ()))
