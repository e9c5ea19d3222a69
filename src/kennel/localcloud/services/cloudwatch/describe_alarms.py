"""CloudWatch's operations that show alarms and their history."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.cloudwatch.alarm import COMPOSITE, METRIC, Alarm, Alarms, alarms_of
from kennel.localcloud.services.cloudwatch.metric_data import dimensions_of, epoch, next_page, page_start
from kennel.localcloud.services.cloudwatch.queries import validation_error

MOST_RECORDS = 100


@operation("cloudwatch", "DescribeAlarms")
def describe_alarms(call: Call) -> dict[str, Any]:
    """Describe alarms by their names, prefixes, states and kinds; by default the metric alarms."""
    parameters, alarms = call.parameters, alarms_of(call.cloud)
    if parameters.get("AlarmNames") and parameters.get("AlarmNamePrefix"):
        raise validation_error("AlarmNamePrefix and AlarmNames are mutually exclusive.")
    with alarms.lock:
        for related in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if parameters.get(related):
                return _related(alarms, related, parameters[related])
        matching = sorted(
            (alarm for alarm in alarms.by_name.values() if _matches(alarm, parameters)),
            key=lambda alarm: (alarm.kind, alarm.name),
        )
        start, size = page_start(parameters.get("NextToken")), parameters.get("MaxRecords") or MOST_RECORDS
        page = [(alarm.kind, alarm.describe()) for alarm in matching[start : start + size]]
    return {
        "MetricAlarms": [described for kind, described in page if kind == METRIC],
        "CompositeAlarms": [described for kind, described in page if kind == COMPOSITE],
        **next_page(start + size, len(matching)),
    }


def _matches(alarm: Alarm, parameters: dict[str, Any]) -> bool:
    names, prefix, action = (
        parameters.get(name) for name in ("AlarmNames", "AlarmNamePrefix", "ActionPrefix")
    )
    actions = [
        arn
        for name in ("AlarmActions", "OKActions", "InsufficientDataActions")
        for arn in alarm.parameters[name]
    ]
    return (
        alarm.kind in (parameters.get("AlarmTypes") or [METRIC])
        and (not names or alarm.name in names)
        and (not prefix or alarm.name.startswith(prefix))
        and parameters.get("StateValue") in (None, alarm.state)
        and (not action or any(arn.startswith(action) for arn in actions))
    )


def _related(alarms: Alarms, relation: str, name: str) -> dict[str, Any]:
    """Return the alarms below, or above, a composite alarm, as short as AWS describes them."""
    if relation == "ChildrenOfAlarmName":
        alarm = alarms.by_name.get(name)
        if alarm is None or alarm.rule is None:
            raise AwsError("ResourceNotFound", f"Composite alarm {name} does not exist", 404)
        listed = [alarms.by_name[child] for child in sorted(alarm.rule.alarms()) if child in alarms.by_name]
        members = ["AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"]
    else:
        listed = [alarm for alarm in alarms.by_name.values() if alarm.rule and name in alarm.rule.alarms()]
        members = ["AlarmName", "AlarmArn"]
    described = [(alarm.kind, {member: alarm.describe()[member] for member in members}) for alarm in listed]
    return {
        "MetricAlarms": [each for kind, each in described if kind == METRIC],
        "CompositeAlarms": [each for kind, each in described if kind == COMPOSITE],
    }


@operation("cloudwatch", "DescribeAlarmsForMetric")
def describe_alarms_for_metric(call: Call) -> dict[str, Any]:
    """Describe the alarms on one metric."""
    parameters = call.parameters
    dimensions = dimensions_of(parameters.get("Dimensions"))
    same = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit")
    return {
        "MetricAlarms": [
            alarm.describe()
            for alarm in list(alarms_of(call.cloud).by_name.values())
            if not alarm.rule
            and dimensions_of(alarm.parameters.get("Dimensions")) == dimensions
            and all(parameters.get(name) in (None, alarm.parameters.get(name)) for name in same)
        ]
    }


@operation("cloudwatch", "DescribeAlarmHistory")
def describe_alarm_history(call: Call) -> dict[str, Any]:
    """Return what happened to alarms, the newest first by default."""
    parameters, alarms = call.parameters, alarms_of(call.cloud)
    with alarms.lock:
        items = [item for item in alarms.history if _in_history(item, parameters)]
    if parameters.get("ScanBy") != "TimestampAscending":
        items.reverse()
    start, size = page_start(parameters.get("NextToken")), parameters.get("MaxRecords") or MOST_RECORDS
    return {"AlarmHistoryItems": items[start : start + size], **next_page(start + size, len(items))}


def _in_history(item: dict[str, Any], parameters: dict[str, Any]) -> bool:
    name, kind = parameters.get("AlarmName"), parameters.get("HistoryItemType")
    start, end = parameters.get("StartDate"), parameters.get("EndDate")
    return (
        (not name or item["AlarmName"] == name)
        and item["AlarmType"] in (parameters.get("AlarmTypes") or [METRIC])
        and (not kind or item["HistoryItemType"] == kind)
        and (start is None or item["Timestamp"].timestamp() >= epoch(start))
        and (end is None or item["Timestamp"].timestamp() <= epoch(end))
    )
