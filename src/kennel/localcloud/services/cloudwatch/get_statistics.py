"""CloudWatch's GetMetricStatistics: statistics of one metric."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.runtime.metrics.distribution import Distribution
from kennel.localcloud.runtime.metrics.statistics import BASIC, UnknownStatisticError, statistic
from kennel.localcloud.runtime.metrics.store import MINUTE, MetricKey, dimensions_key, metric_store
from kennel.localcloud.services.cloudwatch.metric_data import COMBINATION, dimensions_of, epoch, invalid

MOST_DATAPOINTS = 1440
SHORT_PERIODS = (1, 5, 10, 20, 30)


@operation("cloudwatch", "GetMetricStatistics")
def get_metric_statistics(call: Call) -> dict[str, Any]:
    """Return statistics of a metric in each period with data, oldest first."""
    parameters = call.parameters
    period = int(parameters["Period"])
    check_period(period)
    start, end = time_range(parameters, period)
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    names, extended = parameters.get("Statistics") or [], parameters.get("ExtendedStatistics") or []
    if not names and not extended:
        raise invalid("Must specify either Statistics or ExtendedStatistics", COMBINATION)
    count = math.ceil((end - start) / period)
    if count > MOST_DATAPOINTS:
        raise invalid(
            f"You have requested up to {count:,} datapoints, which exceeds the limit of {MOST_DATAPOINTS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
            COMBINATION,
        )
    check_statistics(names, extended)
    key = (
        parameters["Namespace"],
        parameters["MetricName"],
        dimensions_key(dimensions_of(parameters.get("Dimensions"))),
    )
    return {
        "Label": parameters["MetricName"],
        "Datapoints": [
            point
            for unit in _units(call, key, parameters.get("Unit"))
            for at, values in metric_store(call.cloud).distributions(key, period, start, end, unit)
            for point in [_datapoint(at, values, names, extended, unit)]
        ],
    }


def check_period(period: int) -> None:
    """Check a period.

    Raises
    ------
    AwsError
        ``InvalidParameterValue``.
    """
    if period < 1 or (period % MINUTE and period not in SHORT_PERIODS):
        raise invalid("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")


def check_statistics(names: list[str], extended: list[str]) -> None:
    """Check the names of statistics.

    Raises
    ------
    AwsError
        ``InvalidParameterValue``.
    """
    for name in names:
        if name not in BASIC:
            raise invalid(f"The value {name} for parameter Statistics is not supported.")
    for name in extended:
        try:
            statistic(name)
        except UnknownStatisticError as error:
            raise invalid(f"The value {name} for parameter ExtendedStatistics is not supported.") from error


def time_range(parameters: dict[str, Any], period: int) -> tuple[float, float]:
    """Return the start and the end of a request, the start rounded down to a minute or a short period."""
    grain = min(period, MINUTE)
    start: float = epoch(parameters["StartTime"]) // grain * grain
    return start, epoch(parameters["EndTime"])


def _units(call: Call, key: MetricKey, unit: str | None) -> list[str]:
    """Return the units to answer in: without one in the request, each that the metric has, separately."""
    return [unit] if unit else metric_store(call.cloud).units(key)


def _datapoint(
    at: float, values: Distribution, names: list[str], extended: list[str], unit: str
) -> dict[str, Any]:
    point: dict[str, Any] = {"Timestamp": datetime.fromtimestamp(at, UTC), "Unit": unit}
    point |= {name: statistic(name)(values) for name in names}
    computed = {name: value for name in extended if (value := statistic(name)(values)) is not None}
    if computed:
        point["ExtendedStatistics"] = computed
    return point
