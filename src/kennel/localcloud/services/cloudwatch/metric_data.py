"""CloudWatch's PutMetricData, with AWS's refusals, and ListMetrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from moto.core.utils import get_service_model

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.metrics.store import (
    LISTED_SECONDS,
    MINUTE,
    Datum,
    MetricKey,
    dimensions_key,
    metric_store,
)

MOST_DATA, MOST_VALUES, MOST_DIMENSIONS = 1000, 150, 30
LARGEST = 2.0**360
OLDEST_SECONDS, NEWEST_SECONDS = 14 * 24 * 3600, 2 * 3600
PAGE = 500
STATISTIC_SET = ("SampleCount", "Sum", "Minimum", "Maximum")
COMBINATION = "InvalidParameterCombination"


def invalid(message: str, code: str = "InvalidParameterValue") -> AwsError:
    """Return the error for a parameter that AWS refuses."""
    return AwsError(code, message)


def dimensions_of(pairs: list[dict[str, str]] | None) -> dict[str, str]:
    """Return ``[{"Name": …, "Value": …}]`` as a dict."""
    return {pair["Name"]: pair["Value"] for pair in pairs or []}


def epoch(date: datetime) -> float:
    """Return a date of a request as seconds since the epoch; the decoder leaves out that it is in UTC."""
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def dimension_pairs(key: MetricKey) -> list[dict[str, str]]:
    """Return a metric's dimensions as AWS lists them."""
    return [{"Name": name, "Value": value} for name, value in key[2]]


@operation("cloudwatch", "PutMetricData")
def put_metric_data(call: Call) -> dict[str, Any]:
    """Keep data of metrics."""
    parameters = call.parameters
    namespace, data = parameters["Namespace"], parameters.get("MetricData") or []
    if parameters.get("EntityMetricData"):
        raise invalid("The local cloud relates no metrics to entities: use MetricData.")
    if namespace.startswith("AWS/"):
        raise invalid(f"The value {namespace} for parameter Namespace is invalid.")
    if len(data) > MOST_DATA:
        raise invalid(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    now = call.cloud.clock.time()
    read = [_datum(f"MetricData.member.{number}", member, now) for number, member in enumerate(data, 1)]
    metric_store(call.cloud).put(namespace, read)
    return {}


def _datum(place: str, member: dict[str, Any], now: float) -> Datum:
    dimensions = member.get("Dimensions") or []
    if len(dimensions) > MOST_DIMENSIONS:
        raise invalid(
            f"The collection {place}.Dimensions must not have a size greater than {MOST_DIMENSIONS}."
        )
    resolution = int(member.get("StorageResolution") or MINUTE)
    if resolution not in (1, MINUTE):
        raise invalid(f"The parameter {place}.StorageResolution must be 1 or 60.")
    _check_exclusive(place, member)
    unit = member.get("Unit") or "None"
    units = get_service_model("cloudwatch").shape_for("StandardUnit").enum
    if unit not in units:
        raise invalid(f"The parameter {place}.Unit must be a value in the set [ {', '.join(units)} ].")
    return Datum(
        name=member["MetricName"],
        dimensions=dimensions_key(dimensions_of(dimensions)),
        at=_time(place, member.get("Timestamp"), now),
        values=_values(place, member),
        statistic_set=_statistic_set(place, member),
        unit=unit,
        resolution=resolution,
    )


def _check_exclusive(place: str, member: dict[str, Any]) -> None:
    given = [name for name in ("Value", "Values", "StatisticValues") if member.get(name) not in (None, [])]
    if not given:
        raise invalid("At least one of the parameters must be specified.", COMBINATION)
    if len(given) > 1:
        raise invalid(
            f"The parameters {place}.{given[0]} and {place}.{given[1]} are mutually exclusive and you have "
            "specified both.",
            COMBINATION,
        )


def _time(place: str, timestamp: datetime | None, now: float) -> float:
    if timestamp is None:
        return now
    at = epoch(timestamp)
    if at < now - OLDEST_SECONDS:
        raise invalid(f"The parameter {place}.Timestamp must specify a time within the past two weeks.")
    if at > now + NEWEST_SECONDS:
        raise invalid(
            f"The parameter {place}.Timestamp must specify a time no more than two hours in the future."
        )
    return at


def _values(place: str, member: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    if member.get("Value") is not None:
        return ((_number(f"{place}.Value", member["Value"]), 1.0),)
    values = member.get("Values") or []
    counts = member.get("Counts") or [1.0] * len(values)
    if len(values) > MOST_VALUES:
        raise invalid(f"The collection {place}.Values must not have a size greater than {MOST_VALUES}.")
    if len(counts) != len(values):
        raise invalid(f"The parameters {place}.Values and {place}.Counts must be of the same size.")
    return tuple(
        (_number(f"{place}.Values", value), _number(f"{place}.Counts", count, lowest=0.0))
        for value, count in zip(values, counts, strict=True)
    )


def _statistic_set(place: str, member: dict[str, Any]) -> tuple[float, float, float, float] | None:
    given = member.get("StatisticValues")
    if not given:
        return None
    for name in STATISTIC_SET:
        if name not in given:
            raise invalid(f"The parameter {place}.StatisticValues.{name} is required.", "MissingParameter")
    count, total, low, high = (
        _number(f"{place}.StatisticValues.{name}", given[name]) for name in STATISTIC_SET
    )
    if count <= 0 or low > high:
        raise invalid(f"The parameter {place}.StatisticValues is invalid.")
    return count, total, low, high


def _number(place: str, value: float, lowest: float = -LARGEST) -> float:
    number = float(value)
    if math.isnan(number) or not lowest <= number <= LARGEST:
        shown = "NaN" if math.isnan(number) else number
        raise invalid(f"The value {shown} for parameter {place} is invalid.")
    return number


@operation("cloudwatch", "ListMetrics")
def list_metrics(call: Call) -> dict[str, Any]:
    """List the metrics with data in the last two weeks, or, on demand, in the last three hours."""
    parameters = call.parameters
    seconds = 3 * 3600 if parameters.get("RecentlyActive") == "PT3H" else LISTED_SECONDS
    matching = [
        key
        for key in metric_store(call.cloud).keys(call.cloud.clock.time() - seconds)
        if _matches(key, parameters)
    ]
    start = page_start(parameters.get("NextToken"))
    listed = [
        {"Namespace": key[0], "MetricName": key[1], "Dimensions": dimension_pairs(key)}
        for key in matching[start : start + PAGE]
    ]
    return {"Metrics": listed, **next_page(start + PAGE, len(matching))}


def _matches(key: MetricKey, parameters: dict[str, Any]) -> bool:
    namespace, name = parameters.get("Namespace"), parameters.get("MetricName")
    values = dict(key[2])
    return (
        (not namespace or key[0] == namespace)
        and (not name or key[1] == name)
        and all(
            filtered["Name"] in values and filtered.get("Value") in (None, values[filtered["Name"]])
            for filtered in parameters.get("Dimensions") or []
        )
    )


def page_start(token: str | None) -> int:
    """Return where the page of a NextToken begins.

    Raises
    ------
    AwsError
        ``InvalidNextToken``.
    """
    if token is None:
        return 0
    if not token.isdecimal():
        raise invalid("Request parameter NextToken is invalid", "InvalidNextToken")
    return int(token)


def next_page(begin: int, of: int) -> dict[str, str]:
    """Return the NextToken of an answer, if there is more than it shows."""
    return {"NextToken": str(begin)} if begin < of else {}
