"""What PutMetricAlarm accepts, with AWS's refusals.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

from typing import Any

from kennel.capacity.scaling.alarms import COMPARISONS
from kennel.localcloud.runtime.metrics.statistics import BASIC, UnknownStatisticError, statistic
from kennel.localcloud.runtime.metrics.store import MINUTE, MetricStore
from kennel.localcloud.services.cloudwatch.metric_data import COMBINATION, invalid
from kennel.localcloud.services.cloudwatch.queries import check_computable, read, validation_error

SHORT_PERIODS = (10, 20, 30)
HOUR, DAY, WEEK = 3600, 24 * 3600, 7 * 24 * 3600
MISSING_DATA = ("breaching", "notBreaching", "ignore", "missing")
MOST_QUERIES = 10
OF_A_METRIC = ("MetricName", "Namespace", "Period", "Dimensions", "Statistic", "ExtendedStatistic", "Unit")
# The local cloud trains no models of a metric's usual values, and has no PromQL.
REFUSED = ("ThresholdMetricId", "EvaluationCriteria", "EvaluationInterval")


def check_metric_alarm(parameters: dict[str, Any], store: MetricStore) -> None:
    """Check the parameters of PutMetricAlarm.

    Raises
    ------
    AwsError
        AWS refuses them, or the local cloud could not evaluate the alarm.
    """
    _check_evaluated(parameters)
    if parameters.get("Metrics"):
        period = _check_queries(parameters, store)
    elif parameters.get("MetricName"):
        period = _check_metric(parameters)
    else:
        raise validation_error("Either MetricName or Metrics must be specified.")
    periods = int(parameters["EvaluationPeriods"])
    if periods < 1 or not 1 <= int(parameters.get("DatapointsToAlarm") or periods) <= periods:
        raise validation_error("DatapointsToAlarm must be from 1 to EvaluationPeriods.")
    longest = WEEK if period >= HOUR else DAY
    if period * periods > longest:
        span = "week" if longest == WEEK else "day"
        raise validation_error(
            f"Metrics cannot be checked across more than a {span} (EvaluationPeriods * Period must be <= "
            f"{longest})."
        )


def _check_evaluated(parameters: dict[str, Any]) -> None:
    for name in REFUSED:
        if parameters.get(name):
            raise validation_error(
                f"The local cloud does not evaluate alarms with {name}: use a fixed Threshold."
            )
    comparison = parameters.get("ComparisonOperator")
    if comparison not in COMPARISONS:
        raise validation_error(
            f"The local cloud does not evaluate the ComparisonOperator {comparison}: use one of "
            f"{', '.join(COMPARISONS)}."
        )
    if parameters.get("Threshold") is None:
        raise validation_error("Threshold must be specified.")
    missing = parameters.get("TreatMissingData") or MISSING_DATA[-1]
    if missing not in MISSING_DATA:
        raise validation_error(f"The value {missing} for parameter TreatMissingData is not supported.")
    low = parameters.get("EvaluateLowSampleCountPercentile") or "evaluate"
    if low not in ("evaluate", "ignore"):
        raise validation_error(
            f"Option {low} is not supported. Supported options for parameter "
            "EvaluateLowSampleCountPercentile are evaluate and ignore."
        )


def _check_metric(parameters: dict[str, Any]) -> int:
    for name in ("Namespace", "Period"):
        if not parameters.get(name):
            raise invalid(f"The parameter {name} is required.", "MissingParameter")
    basic, extended = parameters.get("Statistic"), parameters.get("ExtendedStatistic")
    if bool(basic) == bool(extended):
        raise invalid("Must specify either Statistic or ExtendedStatistic", COMBINATION)
    if basic and basic not in BASIC:
        raise validation_error(f"The value {basic} for parameter Statistic is not supported.")
    try:
        statistic(basic or extended)
    except UnknownStatisticError as error:
        raise invalid(f"The value {extended} for parameter ExtendedStatistic is not supported.") from error
    period = int(parameters["Period"])
    _check_period(period)
    return period


def _check_period(period: int) -> None:
    if period < 1 or (period % MINUTE and period not in SHORT_PERIODS):
        raise validation_error("Period must be 10, 20, 30 or a multiple of 60.")


def _check_queries(parameters: dict[str, Any], store: MetricStore) -> int:
    """Check an alarm on metric math, and return the period of its metrics."""
    for name in OF_A_METRIC:
        if parameters.get(name):
            raise validation_error(f"The parameters Metrics and {name} are mutually exclusive.")
    members = parameters["Metrics"]
    queries = read(members, "Metrics")
    if len([query for query in queries.values() if query.metric]) > MOST_QUERIES:
        raise validation_error(f"An alarm has at most {MOST_QUERIES} metrics.")
    if sum(query.returned for query in queries.values()) != 1:
        raise validation_error("Exactly one element of the metrics list should return data.")
    periods = {query.period for query in queries.values() if query.metric}
    periods |= {int(member["Period"]) for member in members if member.get("Period")}
    if len(periods) != 1:
        raise validation_error("All metrics of an alarm must have the same period.")
    _check_period(min(periods))
    check_computable(store, queries)
    return min(periods)
