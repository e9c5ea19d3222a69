"""The metrics that filters make of log lines, minute by minute."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kennel.localcloud.runtime.metrics.store import metric_store
from kennel.localcloud.services.logs.comparison import PatternError
from kennel.localcloud.services.logs.metric_filters import (
    check_transformation,
    publish_defaults,
    publish_matches,
)

from .driven_cloud import HOUR, MINUTE, Driven, driven

__all__ = ["driven"]  # a fixture


def metric_filter(pattern: str, value: str = "1", **more: Any) -> dict[str, Any]:
    transformation = {"metricNamespace": "Logs", "metricName": "m", "metricValue": value, **more}
    return {"filterPattern": pattern, "metricTransformations": [transformation]}


def values(driven: Driven, statistic: str, **dimensions: str) -> dict[int, float]:
    """Return a statistic of the metric by minute."""
    begin, store = driven.begin, metric_store(driven.cloud)
    read = store.statistics("Logs", "m", dimensions, statistic, MINUTE, begin, begin + HOUR)
    return {round((at - begin) / MINUTE): value for at, value in read}


def test_the_time_of_a_line_is_that_of_its_metric(driven: Driven) -> None:
    lines = [
        (driven.begin + at, line)
        for at, line in ((0, "ERROR a"), (59, "ERROR b"), (60, "ERROR c"), (61, "d"))
    ]
    publish_matches(driven.cloud, [metric_filter("ERROR")], lines)
    assert values(driven, "Sum") == {0: 2, 1: 1}


def test_a_value_and_dimensions_are_read_from_the_line(driven: Driven) -> None:
    each = metric_filter("{ $.ms > 0 }", "$.ms", dimensions={"Stage": "$.stage", "Code": "$.code"})
    lines: list[dict[str, Any]] = [
        {"ms": 5, "stage": "a", "code": 200},
        {"ms": 7.5, "stage": "a", "code": 200},
        {"ms": 9, "stage": "b", "code": 200},
        {"ms": 9, "stage": "a"},  # lacks a dimension
        {"ms": "11", "stage": "a", "code": 200},  # a number in quotes is one
    ]
    publish_matches(driven.cloud, [each], [(driven.begin, json.dumps(line)) for line in lines])
    assert values(driven, "Sum", Stage="a", Code="200") == {0: 23.5}
    assert values(driven, "SampleCount", Stage="b", Code="200") == {0: 1}
    assert values(driven, "Sum") == {}


def test_a_value_that_is_no_number_gives_no_datapoint(driven: Driven) -> None:
    lines = [{"ms": "fast"}, {"ms": True}, {"ms": None}, {"other": 1}, {"ms": 1e999}]
    publish_matches(
        driven.cloud, [metric_filter("", "$.ms")], [(driven.begin, json.dumps(line)) for line in lines]
    )
    assert values(driven, "SampleCount") == {}


def test_a_default_value_counts_once_in_a_minute_with_lines_without_a_match(driven: Driven) -> None:
    publish_defaults(driven.cloud)
    each = [metric_filter("ERROR", "1", defaultValue=0.0)]
    for minute, lines in enumerate((["a", "b", "c"], ["a", "ERROR"], [], ["ERROR", "a"])):
        for line in lines:
            publish_matches(driven.cloud, each, [(driven.clock.time(), line)])
        driven.clock.advance(MINUTE - 1)
        assert minute not in values(driven, "Sum") or "ERROR" in lines
        driven.clock.advance(1)
    assert values(driven, "Sum") == {0: 0, 1: 1, 3: 1}
    assert values(driven, "SampleCount") == {0: 1, 1: 1, 3: 1}


@pytest.mark.parametrize(
    "transformation",
    [{"metricValue": "many"}, {"metricValue": "1", "defaultValue": 0, "dimensions": {"a": "$.a"}}],
)
def test_what_no_filter_makes_of_a_line(transformation: dict[str, Any]) -> None:
    with pytest.raises(PatternError, match="Invalid metric transformation"):
        check_transformation(transformation)
