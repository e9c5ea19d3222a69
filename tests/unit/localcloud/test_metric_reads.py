"""GetMetricData, GetMetricStatistics and ListMetrics: order, pages, periods, limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kennel.localcloud.protocol.messages import AwsError

from .driven_cloud import HOUR, MINUTE, Driven, driven

__all__ = ["driven"]  # a fixture


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def query(name: str, period: int = MINUTE, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "Test", "MetricName": name}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}, **more}


def five_minutes(driven: Driven) -> dict[str, Any]:
    """Put 0 to 4 into the last five minutes of two metrics, and return their range."""
    for minute in range(5):
        for name in ("a", "b"):
            driven.put(minute, name, Timestamp=at(driven.begin - 300 + 60 * minute))
    return {"StartTime": at(driven.begin - 300), "EndTime": at(driven.begin)}


def test_the_newest_data_come_first_unless_asked_otherwise(driven: Driven) -> None:
    span = five_minutes(driven)
    [newest] = driven.call("GetMetricData", MetricDataQueries=[query("a")], **span)["MetricDataResults"]
    assert (newest["Values"], newest["StatusCode"], newest["Label"]) == ([4, 3, 2, 1, 0], "Complete", "a")
    assert newest["Timestamps"][0] == at(driven.begin - 60)
    ascending = driven.call(
        "GetMetricData", MetricDataQueries=[query("a", 120)], ScanBy="TimestampAscending", **span
    )
    assert ascending["MetricDataResults"][0]["Values"] == [1, 5, 4]


def test_what_is_not_to_be_returned_is_left_out_and_no_data_is_an_empty_result(driven: Driven) -> None:
    span = five_minutes(driven)
    queries = [query("a", ReturnData=False), query("none"), {"Id": "e", "Expression": "a * 2"}]
    results = driven.call("GetMetricData", MetricDataQueries=queries, **span)["MetricDataResults"]
    assert [(each["Id"], each["Values"]) for each in results] == [("none", []), ("e", [8, 6, 4, 2, 0])]


def test_pages_of_datapoints(driven: Driven) -> None:
    span = five_minutes(driven)
    pages, token = [], None
    for _ in range(4):
        more = {"NextToken": token} if token else {}
        page = driven.call(
            "GetMetricData", MetricDataQueries=[query("a"), query("b")], MaxDatapoints=4, **span, **more
        )
        pages.append([(each["Id"], each["Values"], each["StatusCode"]) for each in page["MetricDataResults"]])
        token = page.get("NextToken")
        if not token:
            break
    assert pages == [
        [("a", [4, 3, 2, 1], "PartialData")],
        [("a", [0], "Complete"), ("b", [4, 3, 2], "PartialData")],
        [("b", [1, 0], "Complete")],
    ]


def test_the_start_is_rounded_down_to_a_minute(driven: Driven) -> None:
    five_minutes(driven)
    answer = driven.call(
        "GetMetricStatistics",
        Namespace="Test",
        MetricName="a",
        Period=60,
        Statistics=["Sum", "SampleCount"],
        ExtendedStatistics=["p50"],
        StartTime=at(driven.begin - 150),
        EndTime=at(driven.begin - 60),
    )
    [first, second] = answer["Datapoints"]
    assert (first["Timestamp"], first["Sum"], first["ExtendedStatistics"]) == (
        at(driven.begin - 180),
        2,
        {"p50": 2},
    )
    assert (second["Timestamp"], second["Unit"]) == (at(driven.begin - 120), "None")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Period": 45}, "Period must be"),
        ({"Statistics": []}, "Must specify either Statistics or ExtendedStatistics"),
        ({"Statistics": ["p99"]}, "p99"),
        ({"ExtendedStatistics": ["Sum"], "Period": 60, "StartTime": "later"}, "StartTime must be less"),
        ({"Period": 1}, "exceeds the limit of 1,440"),
    ],
)
def test_requests_for_statistics_that_are_refused(
    driven: Driven, changes: dict[str, Any], words: str
) -> None:
    request: dict[str, Any] = {"Namespace": "Test", "MetricName": "a", "Period": 60, "Statistics": ["Sum"]}
    request |= {"StartTime": at(driven.begin - HOUR), "EndTime": at(driven.begin), **changes}
    if request["StartTime"] == "later":
        request["StartTime"] = at(driven.begin + HOUR)
    with pytest.raises(AwsError, match=words):
        driven.call("GetMetricStatistics", **request)


def test_metrics_are_listed_with_data_of_two_weeks(driven: Driven) -> None:
    driven.put(1, "old")
    driven.clock.advance(10 * 24 * HOUR)
    driven.put(1, "new", Dimensions=[{"Name": "n", "Value": "v"}, {"Name": "o", "Value": "w"}])
    driven.put(1, "new")

    def listed(**filters: Any) -> list[tuple[str, int]]:
        metrics = driven.call("ListMetrics", Namespace="Test", **filters)["Metrics"]
        return [(metric["MetricName"], len(metric["Dimensions"])) for metric in metrics]

    assert listed() == [("new", 0), ("new", 2), ("old", 0)]
    assert listed(RecentlyActive="PT3H") == [("new", 0), ("new", 2)]
    assert listed(Dimensions=[{"Name": "n"}]) == [("new", 2)]
    assert listed(Dimensions=[{"Name": "n", "Value": "x"}]) == []
    assert listed(MetricName="old") == [("old", 0)]
    driven.clock.advance(5 * 24 * HOUR)
    assert listed() == [("new", 0), ("new", 2)]


def test_long_lists_have_pages(driven: Driven) -> None:
    data = [{"MetricName": f"m{number:03}", "Value": 1.0} for number in range(501)]
    driven.call("PutMetricData", Namespace="Test", MetricData=data)
    first = driven.call("ListMetrics")
    assert len(first["Metrics"]) == 500
    second = driven.call("ListMetrics", NextToken=first["NextToken"])
    assert [metric["MetricName"] for metric in second["Metrics"]] == ["m500"]
    assert "NextToken" not in second
    with pytest.raises(AwsError, match="NextToken is invalid"):
        driven.call("ListMetrics", NextToken="x")
