"""How long the parts of an invocation took, as CloudWatch's embedded metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FETCH, INVOKE, TOTAL = "FetchLatency", "InvokeLatency", "TotalLatency"
NAMESPACE = "METRICS_NAMESPACE"  # the environment variable; without it the figures are in the log only


class Latency:
    """Measures the parts of one invocation, from its own beginning."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._parts: dict[str, float] = {}

    @contextmanager
    def measured(self, part: str) -> Iterator[None]:
        """Measure a part, whether or not it succeeds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._parts[part] = _milliseconds(started)

    def fields(self) -> dict[str, Any]:
        """Return the milliseconds of each part that took place and of the whole, for the log line.

        With the environment's namespace they are metrics, too, with the function's name as their dimension.
        """
        values: dict[str, Any] = {**self._parts, TOTAL: _milliseconds(self._started)}
        namespace = os.environ.get(NAMESPACE)
        if not namespace:
            return values
        metrics = [{"Name": name, "Unit": "Milliseconds"} for name in values]
        directive = {"Namespace": namespace, "Dimensions": [["FunctionName"]], "Metrics": metrics}
        embedded = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        return {**values, "FunctionName": name, "_aws": embedded}


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
