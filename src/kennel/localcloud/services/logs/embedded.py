"""Metrics that log lines embed.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from kennel.localcloud.runtime.metrics.store import MINUTE, Datum, dimensions_key

_MOST_METRICS = 100  # in a directive
_MOST_VALUES = 100  # of a metric in a line


def embedded(line: str) -> Iterator[tuple[str, list[Datum]]]:
    """Yield the namespaces and metrics that a line embeds; like CloudWatch, leave out what is malformed.

    Their times are what the line says, in seconds since the epoch.
    """
    try:
        document = json.loads(line)
        described = document["_aws"]
        at = float(described["Timestamp"]) / 1000
        directives = [
            (str(entry["Namespace"]), list(entry["Dimensions"]), list(entry["Metrics"]))
            for entry in described["CloudWatchMetrics"]
        ]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return
    for namespace, dimension_sets, metrics in directives:
        made = [
            datum
            for dimensions in dimension_sets
            for metric in metrics[:_MOST_METRICS]
            for datum in _data(document, dimensions, metric, at)
        ]
        if made:
            yield namespace, made


def _data(document: dict[str, Any], names: Any, metric: Any, at: float) -> list[Datum]:
    """Return the values of a metric in one set of dimensions."""
    try:
        dimensions = {name: document[name] for name in names}
        value = document[metric["Name"]]
        unit = metric.get("Unit", "None")
        resolution = 1 if metric.get("StorageResolution") == 1 else MINUTE
    except (TypeError, KeyError, AttributeError):
        return []
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in dimensions.values()) or not all(
        isinstance(number, int | float) and math.isfinite(number) for number in values
    ):
        return []
    numbers = tuple((float(number), 1.0) for number in values[:_MOST_VALUES])
    return [Datum(metric["Name"], dimensions_key(dimensions), at, numbers, unit=unit, resolution=resolution)]
