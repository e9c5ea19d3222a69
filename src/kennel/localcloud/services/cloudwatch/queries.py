"""Queries for metric data: of metrics and of expressions, as GetMetricData and alarms have them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.metrics.statistics import UnknownStatisticError, statistic
from kennel.localcloud.runtime.metrics.store import MetricKey, MetricStore, dimensions_key
from kennel.localcloud.services.cloudwatch.expression import ExpressionError, Node, parse, references
from kennel.localcloud.services.cloudwatch.get_statistics import check_period
from kennel.localcloud.services.cloudwatch.metric_data import dimensions_of
from kennel.localcloud.services.cloudwatch.metric_math import Evaluation
from kennel.localcloud.services.cloudwatch.series import Series, Value

_ID = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")
_REFUSED = re.compile(r"\s*(SELECT\b|SEARCH\s*\()", re.IGNORECASE)
WORDS = {"REPEAT", "LINEAR", "ASC", "DESC"}  # of functions


@dataclass(frozen=True)
class Query:
    """One query: of a metric, or an expression over other queries.

    Attributes
    ----------
    metric, stat, period, unit
        Of a query of a metric.
    expression
        Of the others.
    """

    id: str
    label: str
    returned: bool
    metric: MetricKey | None = None
    stat: str = ""
    period: int = 0
    unit: str | None = None
    expression: Node | None = None


def validation_error(message: str) -> AwsError:
    """Return the error for a request that AWS refuses as a whole."""
    return AwsError("ValidationError", message)


def read(members: list[dict[str, Any]], place: str = "MetricDataQueries") -> dict[str, Query]:
    """Return queries by their ids.

    Raises
    ------
    AwsError
        ``ValidationError`` or ``InvalidParameterValue``: AWS refuses them, or the local cloud does not
        compute what they ask for.
    """
    queries: dict[str, Query] = {}
    for number, member in enumerate(members, 1):
        query = _read(member, f"{place}.member.{number}")
        if query.id in queries:
            raise validation_error(f"The values for parameter id in {place} are not unique.")
        queries[query.id] = query
    for query in queries.values():
        _check_references(query, queries)
    return queries


def _read(member: dict[str, Any], place: str) -> Query:
    name = member["Id"]
    if not _ID.fullmatch(name):
        raise validation_error(
            f"The value {name} for parameter {place}.Id is not matching the expected pattern "
            "^[a-z][a-zA-Z0-9_]*$."
        )
    if member.get("AccountId"):
        raise validation_error(f"The local cloud has one account: {place}.AccountId is not supported.")
    returned = member.get("ReturnData", True)
    stat, expression = member.get("MetricStat"), member.get("Expression")
    if (stat is None) == (expression is None):
        raise validation_error(
            f"The parameter {place}.MetricStat or {place}.Expression is required, not both."
        )
    if expression is not None:
        return Query(name, member.get("Label") or name, returned, expression=_parsed(expression, name))
    assert stat is not None
    check_period(int(stat["Period"]))
    try:
        statistic(stat["Stat"])
    except UnknownStatisticError as error:
        raise validation_error(
            f"The value {stat['Stat']} for parameter {place}.MetricStat.Stat is not supported."
        ) from error
    metric = stat["Metric"]
    key = (metric["Namespace"], metric["MetricName"], dimensions_key(dimensions_of(metric.get("Dimensions"))))
    label = member.get("Label") or metric["MetricName"]
    return Query(name, label, returned, key, stat["Stat"], int(stat["Period"]), stat.get("Unit"))


def _parsed(expression: str, name: str) -> Node:
    refused = _REFUSED.match(expression)
    if refused:
        word = refused[1].rstrip(" (").upper()
        raise validation_error(
            f"The local cloud does not evaluate {word} expressions: name the metrics in '{name}'."
        )
    try:
        return parse(expression)
    except ExpressionError as error:
        raise _error_in(name, error) from error


def _error_in(name: str, error: ExpressionError) -> AwsError:
    return validation_error(f"Error in expression '{name}' [{error}]")


def _check_references(query: Query, queries: dict[str, Query], above: tuple[str, ...] = ()) -> None:
    if query.id in above:
        raise validation_error(f"Error in expression '{query.id}' [it refers to itself]")
    for name in references(query.expression) - WORDS if query.expression else ():
        if name not in queries:
            raise validation_error(f"Error in expression '{query.id}' [Undefined variable '{name}']")
        _check_references(queries[name], queries, (*above, query.id))


class Results:
    """The results of queries over a range of time, each computed when it is asked for.

    Parameters
    ----------
    start, end
        Seconds since the epoch; periods begin at `start`.
    """

    def __init__(self, store: MetricStore, queries: dict[str, Query], start: float, end: float) -> None:
        self._store, self._queries = store, queries
        self._computed: dict[str, Value] = {}
        metrics = tuple(name for name, query in queries.items() if query.metric)
        self._evaluation = Evaluation(self._value, metrics, start, end)

    def series(self, name: str) -> list[Series]:
        """Return the time series of a query.

        Raises
        ------
        AwsError
            ``ValidationError``: it cannot be computed, or is a number.
        """
        try:
            value = self._value(name)
        except ExpressionError as error:
            raise _error_in(name, error) from error
        if isinstance(value, float):
            raise validation_error(f"Error in expression '{name}' [it returns a number, not a time series]")
        return [value] if isinstance(value, Series) else value

    def _value(self, name: str) -> Value:
        if name not in self._computed:
            query = self._queries[name]
            self._computed[name] = (
                self._evaluation.value(query.expression) if query.expression else self._metric(query)
            )
        return self._computed[name]

    def _metric(self, query: Query) -> Series:
        assert query.metric is not None
        compute, (start, end) = statistic(query.stat), (self._evaluation.start, self._evaluation.end)
        points = {
            at: value
            for at, values in self._store.distributions(query.metric, query.period, start, end, query.unit)
            if (value := compute(values)) is not None and math.isfinite(value)
        }
        return Series(points, query.period)


def check_computable(store: MetricStore, queries: dict[str, Query]) -> None:
    """Check that what is returned can be computed: on no data.

    Raises
    ------
    AwsError
        As `Results.series`.
    """
    results = Results(store, queries, 0.0, 0.0)
    for query in queries.values():
        if query.returned:
            results.series(query.id)
