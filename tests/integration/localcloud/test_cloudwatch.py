"""CloudWatch by boto3: log lines that filters make metrics of, metric math, what is kept of alarms."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Client

GROUP, NAMESPACE = "/kennel/filtered", "Filtered"


def put_filter(client: Client, name: str, pattern: str, value: str = "1", **more: Any) -> None:
    transformation = {"metricNamespace": NAMESPACE, "metricName": name, "metricValue": value, **more}
    client("logs").put_metric_filter(
        logGroupName=GROUP, filterName=name, filterPattern=pattern, metricTransformations=[transformation]
    )


def metric(name: str, *dimensions: str) -> dict[str, Any]:
    names = [
        {"Name": each, "Value": value} for each, value in zip(dimensions[::2], dimensions[1::2], strict=True)
    ]
    metric = {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": names}
    return {"Id": name.lower(), "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}}


def test_filters_make_metrics_of_log_lines(client: Client) -> None:
    logs, cloudwatch, now = client("logs"), client("cloudwatch"), int(time.time())
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    with pytest.raises(ClientError, match="Invalid metric filter"):
        put_filter(client, "Errors", "{ $.level }")
    with pytest.raises(ClientError, match="metricValue many is no number"):
        put_filter(client, "Errors", "", "many")
    put_filter(client, "Errors", "never")
    put_filter(client, "Errors", '{ $.level = "ERROR" }', unit="Count")  # replaces it
    put_filter(client, "Took", "{ $.ms > 0 }", "$.ms", dimensions={"Stage": "$.stage"})
    put_filter(client, "Bytes", "[ip, ..., bytes]", "$bytes", defaultValue=0.0)
    described = logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"]
    assert sorted(each["filterName"] for each in described) == ["Bytes", "Errors", "Took"]
    lines = [
        json.dumps({"level": "ERROR", "ms": 12.5, "stage": "fetch"}),
        json.dumps({"level": "ERROR", "ms": 7.5, "stage": "fetch"}),
        json.dumps({"level": "INFO", "ms": 100, "stage": "invoke"}),
        json.dumps({"level": "INFO", "ms": 100}),  # lacks the dimension
        "10.0.0.1 GET /photo 512",
    ]
    events = [{"timestamp": now * 1000, "message": line} for line in lines]
    logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=events)
    queries = [metric("Errors"), metric("Took", "Stage", "fetch"), metric("Bytes")]
    queries.append({"Id": "share", "Expression": "FILL(errors, 0) / (took + 20)", "Label": "a share"})
    result = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=now - 300, EndTime=now + 300, ScanBy="TimestampAscending"
    )
    values = {each["Id"]: sum(each["Values"]) for each in result["MetricDataResults"]}
    assert values == {"errors": 2, "took": 20, "bytes": 512, "share": 0.05}
    assert {each["Label"] for each in result["MetricDataResults"]} >= {"Errors", "a share"}
    slow = logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.ms > 50 }")["events"]
    assert [json.loads(event["message"])["ms"] for event in slow] == [100, 100]
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.ms }")
    tried = logs.test_metric_filter(filterPattern="[ip, ..., bytes > 500]", logEventMessages=lines)
    [match] = tried["matches"]
    assert (match["eventNumber"], match["extractedValues"]["$bytes"]) == (5, "512")


@pytest.mark.parametrize(
    ("datum", "words"),
    [
        ({}, "At least one of the parameters must be specified"),
        ({"Value": 1, "Values": [1]}, "mutually exclusive"),
        ({"Value": float("nan")}, "The value NaN for parameter MetricData.member.1.Value is invalid"),
        ({"Values": [1, 2], "Counts": [1]}, "must be of the same size"),
        ({"Values": list(range(151))}, "must not have a size greater than 150"),
        ({"Value": 1, "StorageResolution": 5}, "StorageResolution"),
        ({"Value": 1, "Unit": "Furlongs"}, "must be a value in the set"),
        ({"Value": 1, "Timestamp": 1_000_000_000}, "within the past two weeks"),
        ({"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 3, "Maximum": 1}}, "invalid"),
    ],
)
def test_data_that_cloudwatch_refuses(client: Client, datum: dict[str, Any], words: str) -> None:
    put = client("cloudwatch").put_metric_data
    with pytest.raises(ClientError, match=words):
        put(Namespace="Refused", MetricData=[{"MetricName": "m", **datum}])
    with pytest.raises(ClientError, match="The value AWS/Refused for parameter Namespace is invalid"):
        put(Namespace="AWS/Refused", MetricData=[{"MetricName": "m", "Value": 1}])


def test_an_alarm_has_tags_a_history_and_no_state_at_first(client: Client) -> None:
    cloudwatch = client("cloudwatch")
    settings = {
        "AlarmName": "kept",
        "MetricName": "m",
        "Namespace": "Kept",
        "ExtendedStatistic": "tm99",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 1.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": "n", "Value": "v"}],
    }
    cloudwatch.put_metric_alarm(**settings, Tags=[{"Key": "a", "Value": "1"}])
    cloudwatch.put_metric_alarm(**settings, AlarmDescription="new", Tags=[{"Key": "b", "Value": "2"}])
    arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:kept"
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": "3"}])
    assert len(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]) == 2
    [alarm] = cloudwatch.describe_alarms(AlarmNamePrefix="kept")["MetricAlarms"]
    assert alarm.items() >= {**settings, "AlarmArn": arn, "AlarmDescription": "new"}.items()
    on_metric = {name: settings[name] for name in ("MetricName", "Namespace", "Dimensions")}
    assert [
        each["AlarmName"] for each in cloudwatch.describe_alarms_for_metric(**on_metric)["MetricAlarms"]
    ] == ["kept"]
    cloudwatch.set_alarm_state(AlarmName="kept", StateValue="ALARM", StateReason="a test")
    assert cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"][0]["StateReason"] == "a test"
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound):
        cloudwatch.set_alarm_state(AlarmName="absent", StateValue="ALARM", StateReason="a test")
    history = cloudwatch.describe_alarm_history(AlarmName="kept")["AlarmHistoryItems"]
    assert [(each["HistoryItemType"], each["HistorySummary"]) for each in history] == [
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("ConfigurationUpdate", 'Alarm "kept" updated'),
        ("ConfigurationUpdate", 'Alarm "kept" created'),
    ]
    cloudwatch.delete_alarms(AlarmNames=["kept"])
    assert cloudwatch.describe_alarms(AlarmNames=["kept"])["MetricAlarms"] == []
