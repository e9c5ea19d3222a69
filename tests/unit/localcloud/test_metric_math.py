"""Metric math: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html"""

from __future__ import annotations

import math
from typing import Any

import pytest

from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.metrics.store import Datum, MetricStore
from kennel.localcloud.services.cloudwatch.queries import Results, read

BEGIN, MINUTES = 1_800_000_000, 5
# By minute; None is a minute without data.
DATA: dict[str, list[float | None]] = {
    "m1": [1, 2, None, 4, 10],
    "m2": [10, 0, 30, 40, None],
    "zero": [0, 0, 0, 0, 0],
}


@pytest.fixture(scope="module")
def store() -> MetricStore:
    store = MetricStore()
    for name, values in DATA.items():
        for minute, value in enumerate(values):
            if value is not None:
                store.put("n", [Datum(name, (), BEGIN + 60 * minute, ((value, 1.0),))])
    return store


def metric(name: str, stat: str = "Sum", period: int = 60) -> dict[str, Any]:
    stat_of = {"Metric": {"Namespace": "n", "MetricName": name}, "Stat": stat, "Period": period}
    return {"Id": name, "MetricStat": stat_of, "ReturnData": False}


def compute(store: MetricStore, expression: str, *others: dict[str, Any]) -> list[list[float | None]]:
    queries = read(
        [metric("m1"), metric("m2"), metric("zero"), *others, {"Id": "e", "Expression": expression}]
    )
    results = Results(store, queries, BEGIN, BEGIN + 60 * MINUTES).series("e")
    times = [BEGIN + 60 * minute for minute in range(MINUTES)]
    assert all(set(series.points) <= set(times) for series in results)
    return [[series.points.get(at) for at in times] for series in results]


N = None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1", [1, 2, N, 4, 10]),
        ("m1 + m2", [11, 2, N, 44, N]),  # where both have data
        ("m1 + m2 * 2", [21, 2, N, 84, N]),
        ("(m1 + m2) * 2", [22, 4, N, 88, N]),
        ("-m1", [-1, -2, N, -4, -10]),
        ("2 ^ m1", [2, 4, N, 16, 1024]),
        ("-m1 ^ 2", [-1, -4, N, -16, -100]),
        ("m2 / m1", [10, 0, N, 10, N]),
        ("m1 / zero", [N, N, N, N, N]),  # a division by zero gives no datapoint
        ("(0 - m1) ^ 0.5", [N, N, N, N, N]),  # and so does the root of a negative number
        ("m1 + LOG(SUM(zero))", [N, N, N, N, N]),
        ("m1 + 1 / SUM(zero)", [N, N, N, N, N]),
        ("100 * m1 / (m1 + m2)", [100 / 11, 100, N, 400 / 44, N]),
        ("m1 > 2", [0, 0, N, 1, 1]),
        ("m1 >= 2 AND m2 == 0", [0, 1, N, 0, N]),
        ("m1 == 1 || m2 == 0", [1, 1, N, 0, N]),
        ("m1 != 2 && m1 <= 4 OR m1 == 10", [1, 0, N, 1, 1]),
        ("ABS(-m1)", [1, 2, N, 4, 10]),
        ("CEIL(m1 / 3) - FLOOR(m1 / 3)", [1, 1, N, 1, 1]),
        ("LOG10(m1 * 10)", [1, math.log10(20), N, math.log10(40), 2]),
        ("FILL(m1, 0)", [1, 2, 0, 4, 10]),
        ("FILL(m1, REPEAT)", [1, 2, 2, 4, 10]),
        ("FILL(m1, LINEAR)", [1, 2, 3, 4, 10]),
        ("FILL(m1, m2)", [1, 2, 30, 4, 10]),
        ("FILL(m1, 0) + FILL(m2, 0)", [11, 2, 30, 44, 10]),
        ("m1 - AVG(m1)", [-3.25, -2.25, N, -0.25, 5.75]),
        ("m1 / MAX(m1)", [0.1, 0.2, N, 0.4, 1]),
        ("m1 * 0 + SUM(m1) + MIN(m2)", [17, 17, N, 17, 17]),
        ("SUM([m1, m2])", [11, 2, 30, 44, 10]),
        ("AVG([m1, m2])", [5.5, 1, 30, 22, 10]),
        ("MAX([m1, m2])", [10, 2, 30, 40, 10]),
        ("MIN([m1, m2, zero])", [0, 0, 0, 0, 0]),
        ("STDDEV([m1, m2])", [4.5, 1, 0, 18, 0]),
        ("SUM(METRICS())", [11, 2, 30, 44, 10]),
        ('MAX(METRICS("m"))', [10, 2, 30, 40, 10]),
        ("zero + METRIC_COUNT(METRICS())", [3, 3, 3, 3, 3]),
        ("zero + DATAPOINT_COUNT(m1)", [4, 4, 4, 4, 4]),
        ("m1 / PERIOD(m1)", [1 / 60, 2 / 60, N, 4 / 60, 10 / 60]),
        ("DIFF(m1)", [N, 1, N, 2, 6]),
        ("DIFF_TIME(m1)", [N, 60, N, 120, 60]),
        ("RATE(m1)", [N, 1 / 60, N, 2 / 120, 6 / 60]),
        ("RUNNING_SUM(m1)", [1, 3, N, 7, 17]),
        ("zero + FIRST(m1) + LAST(m1)", [11, 11, 11, 11, 11]),
        ("IF(m1 > 2, m1, 0)", [0, 0, N, 4, 10]),
        ("IF(m1 > 2, m1)", [N, N, N, 4, 10]),
        ("IF(m1 > 2, m2, m1)", [1, 2, N, 40, N]),
        ("IF(1, m1, m2)", [1, 2, N, 4, 10]),
        ("IF(0, m1, m2)", [10, 0, 30, 40, N]),
        ("TIME_SERIES(7)", [7, 7, 7, 7, 7]),
        ("fill(m1,0)", [1, 2, 0, 4, 10]),
    ],
)
def test_an_expression(store: MetricStore, expression: str, expected: list[float | None]) -> None:
    [series] = compute(store, expression)
    for value, wanted in zip(series, expected, strict=True):
        assert value == (pytest.approx(wanted) if wanted is not None else None)


def test_numbers_of_metrics_without_data_give_no_datapoints(store: MetricStore) -> None:
    assert compute(store, "none + CEIL(AVG(none))", metric("none")) == [[N] * MINUTES]


def test_a_group_gives_one_series_for_each_member(store: MetricStore) -> None:
    assert compute(store, "[m1, m2] * 2") == [[2, 4, N, 8, 20], [20, 0, 60, 80, N]]
    assert compute(store, 'FILL(METRICS("m1"), 0)') == [[1, 2, 0, 4, 10]]


def test_an_expression_refers_to_another(store: MetricStore) -> None:
    ratio = {"Id": "ratio", "Expression": "m1 / 2", "ReturnData": False}
    assert compute(store, "ratio * 4", ratio) == [[2, 4, N, 8, 20]]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("m1 +", "Error in expression 'e' .the expression ends too early"),
        ("m1 m2", "Unexpected 'm2'"),
        ("(m1", "'\\)' expected"),
        ("m1 $ 2", "Unexpected '\\$'"),
        ("m9 * 2", "Undefined variable 'm9'"),
        ("e + 1", "refers to itself"),
        ("SUM(m1)", "returns a number, not a time series"),
        ("FILL(m1)", "the function FILL has 2 argument"),
        ("ANOMALY_DETECTION_BAND(m1)", "does not compute the function ANOMALY_DETECTION_BAND"),
        ("SEARCH('{n} m1', 'Sum')", "does not evaluate SEARCH expressions"),
        ("SELECT AVG(m1) FROM n", "does not evaluate SELECT expressions"),
        ("[m1, m2] + [m1]", "groups with as many"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said(store: MetricStore, expression: str, words: str) -> None:
    with pytest.raises(AwsError, match=words):
        compute(store, expression)


@pytest.mark.parametrize(
    ("queries", "words"),
    [
        ([metric("m1"), metric("m1")], "not unique"),
        ([{"Id": "M", "Expression": "1"}], "not matching the expected pattern"),
        ([{"Id": "m"}], "is required"),
        ([metric("m1", stat="p101")], "p101"),
        ([metric("m1", period=45)], "Period"),
    ],
)
def test_queries_that_are_refused(queries: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(AwsError, match=words):
        read(queries)
