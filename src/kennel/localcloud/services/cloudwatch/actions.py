"""What alarms do: messages to SNS topics, and events for functions."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.alarm_actions import StateChange, receives
from kennel.localcloud.services.cloudwatch.alarm import ACTIONS, iso
from kennel.localcloud.services.service_calls import invoke_function, publish_to_topic

CLOUDWATCH, CLOUDWATCH_ALARMS = "cloudwatch.amazonaws.com", "lambda.alarms.cloudwatch.amazonaws.com"
REGION_NAMES = {"us-east-1": "US East (N. Virginia)"}


@receives("arn:aws:sns:")
def publish(cloud: Cloud, arn: str, alarm: dict[str, Any], change: StateChange) -> None:
    """Publish a state change to a topic, whose policy, and whose key's, must let CloudWatch do it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html

    Raises
    ------
    AwsError
        ``AuthorizationError``, or there is no such topic.
    """
    region = arn.split(":")[3]
    region_name = REGION_NAMES.get(region, region)
    subject = f'{change.new}: "{alarm["AlarmName"]}" in {region_name}'[:100]
    message = json.dumps(message_of(cloud, alarm, change, region_name))
    publish_to_topic(cloud, arn, CLOUDWATCH, alarm["AlarmArn"], message, subject)


@receives("arn:aws:lambda:")
def invoke(cloud: Cloud, arn: str, alarm: dict[str, Any], change: StateChange) -> None:
    """Invoke a function with a state change, which its policy must allow.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html

    Raises
    ------
    AwsError
        ``AuthorizationError``, or there is no such function.
    """
    event = {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": cloud.account,
        "time": iso(change.at),
        "region": cloud.region,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": change.new, "reason": change.reason, "timestamp": iso(change.at)},
            "previousState": {"value": change.old},
            "configuration": {"description": alarm.get("AlarmDescription")},
        },
    }
    invoke_function(cloud, arn, CLOUDWATCH_ALARMS, alarm["AlarmArn"], json.dumps(event).encode())


def message_of(cloud: Cloud, alarm: dict[str, Any], change: StateChange, region_name: str) -> dict[str, Any]:
    """Return the message about a state change, in the form in which CloudWatch publishes it."""
    message: dict[str, Any] = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": cloud.account,
        "AlarmConfigurationUpdatedTimestamp": iso(alarm["AlarmConfigurationUpdatedTimestamp"].timestamp()),
        "NewStateValue": change.new,
        "NewStateReason": change.reason,
        "StateChangeTime": iso(change.at),
        "Region": region_name,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": change.old,
        **{name: alarm.get(name) or [] for name in ACTIONS.values()},
    }
    if "AlarmRule" in alarm:
        return {**message, "AlarmRule": alarm["AlarmRule"]}
    return {**message, "Trigger": _trigger(alarm)}


def _trigger(alarm: dict[str, Any]) -> dict[str, Any]:
    trigger: dict[str, Any] = {}
    if "MetricName" in alarm:
        extended = alarm.get("ExtendedStatistic")
        dimensions = alarm.get("Dimensions") or []
        trigger = {
            "MetricName": alarm["MetricName"],
            "Namespace": alarm["Namespace"],
            "StatisticType": "ExtendedStatistic" if extended else "Statistic",
            **({"ExtendedStatistic": extended} if extended else {"Statistic": alarm["Statistic"].upper()}),
            "Unit": alarm.get("Unit"),
            "Dimensions": [{"value": pair["Value"], "name": pair["Name"]} for pair in dimensions],
            "Period": alarm["Period"],
        }
    else:
        trigger = {"Metrics": alarm["Metrics"]}
    return {
        **trigger,
        "EvaluationPeriods": alarm["EvaluationPeriods"],
        "DatapointsToAlarm": alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"],
        "ComparisonOperator": alarm["ComparisonOperator"],
        "Threshold": alarm["Threshold"],
        "TreatMissingData": alarm.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": alarm.get("EvaluateLowSampleCountPercentile") or "",
    }
