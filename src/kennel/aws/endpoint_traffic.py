"""The traffic of a live endpoint: its requests by the minute, from CloudWatch."""

from __future__ import annotations

from datetime import datetime, timedelta

from kennel.aws import StackError, session

MINUTE = 60
DIMENSIONS = {"EndpointName", "VariantName"}


def requests_by_minute(endpoint: str, hours: float, now: datetime) -> list[tuple[float, int]]:
    """Return how often an endpoint was invoked in each minute until now, all its variants together.

    Parameters
    ----------
    now
        The time by the clock that the metrics have.

    Returns
    -------
    list of (float, int)
        The begin of a minute in seconds since the epoch, and the requests; minutes without any are left out.

    Raises
    ------
    StackError
        CloudWatch has no such requests.
    """
    cloudwatch = session.client("cloudwatch")
    dimensions = [{"Name": "EndpointName", "Value": endpoint}]
    listed = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace="AWS/SageMaker", MetricName="Invocations", Dimensions=dimensions
    )
    metrics = [
        metric
        for page in listed
        for metric in page["Metrics"]
        if {dimension["Name"] for dimension in metric["Dimensions"]} == DIMENSIONS  # others count the same
    ]
    if not metrics:
        raise StackError(
            f"CloudWatch has no Invocations of an endpoint {endpoint}: ./kennel stack.outputs names the "
            "stack's, which needs a first request; or give a trace in a file with --trace"
        )
    queries = [
        {"Id": f"variant{number}", "MetricStat": {"Metric": metric, "Period": MINUTE, "Stat": "Sum"}}
        for number, metric in enumerate(metrics)
    ]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=now - timedelta(hours=hours), EndTime=now
    )
    counts: dict[float, int] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                counts[moment.timestamp()] = counts.get(moment.timestamp(), 0) + round(value)
    if not any(counts.values()):
        raise StackError(f"{endpoint} had no requests in the last {hours:g} hours: give more --hours")
    return sorted(counts.items())
