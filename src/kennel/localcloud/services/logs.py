"""CloudWatch Logs: metrics that log lines embed.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response

_MOST_METRICS = 100  # in a directive
_MOST_VALUES = 100  # of a metric in a line


@operation("logs", "PutLogEvents")
def put_log_events(call: Call) -> Response:
    """Keep lines through moto, and make metrics of what they embed; that needs no permission."""
    response = call.ask_moto()
    if not response.ok:
        return response
    for event in call.parameters["logEvents"]:
        if '"_aws"' in event["message"]:
            for namespace, metrics in embedded(event["message"]):
                _backend(call).put_metric_data(namespace, metrics)
    return response


def _backend(call: Call) -> Any:
    from moto.cloudwatch.models import cloudwatch_backends

    return cloudwatch_backends[call.account][call.region]


def embedded(line: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the namespaces and metrics that a line embeds; like CloudWatch, leave out what is malformed."""
    try:
        document = json.loads(line)
        described = document["_aws"]
        at = datetime.fromtimestamp(described["Timestamp"] / 1000, UTC).replace(tzinfo=None)  # as moto's
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


def _data(document: dict[str, Any], names: Any, metric: Any, at: datetime) -> list[dict[str, Any]]:
    """Return the values of a metric in one set of dimensions."""
    try:
        dimensions = [{"Name": name, "Value": document[name]} for name in names]
        value = document[metric["Name"]]
        unit = metric.get("Unit", "None")
    except (TypeError, KeyError, AttributeError):
        return []
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(dimension["Value"], str) for dimension in dimensions) or not all(
        isinstance(number, int | float) and math.isfinite(number) for number in values
    ):
        return []
    about = {"MetricName": metric["Name"], "Dimensions": dimensions, "Unit": unit, "Timestamp": at}
    return [{**about, "Value": number} for number in values[:_MOST_VALUES]]
