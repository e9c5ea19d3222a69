"""CloudWatch's GetMetricData: metrics and metric math, in pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.runtime.metrics.store import MINUTE, metric_store
from kennel.localcloud.services.cloudwatch.get_statistics import time_range
from kennel.localcloud.services.cloudwatch.metric_data import next_page, page_start
from kennel.localcloud.services.cloudwatch.queries import Results, read, validation_error

MOST_QUERIES = 500
MOST_DATAPOINTS = 100_800


@operation("cloudwatch", "GetMetricData")
def get_metric_data(call: Call) -> dict[str, Any]:
    """Return the time series that queries ask for, the newest data first by default."""
    parameters = call.parameters
    members = parameters["MetricDataQueries"]
    if len(members) > MOST_QUERIES:
        raise validation_error(
            f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
        )
    queries = read(members)
    period = min((query.period for query in queries.values() if query.metric), default=MINUTE)
    start, end = time_range(parameters, period)
    if parameters["StartTime"] > parameters["EndTime"]:
        raise validation_error("The parameter EndTime must be greater than StartTime.")
    if parameters["StartTime"] == parameters["EndTime"]:
        raise validation_error("The parameter StartTime must not equal parameter EndTime.")
    results = Results(metric_store(call.cloud), queries, start, end)
    listed = [
        (query.id, query.label, list(series.points.items()))
        for query in queries.values()
        if query.returned
        for series in results.series(query.id)
    ]
    return _page(parameters, listed)


def _page(
    parameters: dict[str, Any], listed: list[tuple[str, str, list[tuple[float, float]]]]
) -> dict[str, Any]:
    """Return the results that a page has place for; a page has so many datapoints in all."""
    first = page_start(parameters.get("NextToken"))
    last = first + min(parameters.get("MaxDatapoints") or MOST_DATAPOINTS, MOST_DATAPOINTS)
    newest_first = parameters.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results, begin = [], 0
    for name, label, points in listed:
        ordered = points[::-1] if newest_first else points
        end = begin + len(ordered)
        shown = ordered[max(0, first - begin) : max(0, last - begin)]
        if shown or (not ordered and first == 0):
            results.append(
                {
                    "Id": name,
                    "Label": label,
                    "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in shown],
                    "Values": [value for _, value in shown],
                    "StatusCode": "Complete" if end <= last else "PartialData",
                }
            )
        begin = end
    return {"MetricDataResults": results, "Messages": [], **next_page(last, begin)}
