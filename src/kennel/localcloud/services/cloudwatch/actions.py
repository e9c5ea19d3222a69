"""What alarms do: messages to SNS topics, and events for functions."""

from __future__ import annotations

import json
import threading
from typing import Any

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.dispatch.audit_log import ImmediateAudit, NoAudit
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter.functions import find_version, lambda_backend
from kennel.localcloud.policy.evaluate import ResourcePolicy
from kennel.localcloud.policy.principal import ANONYMOUS, service_principal
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.alarm_actions import StateChange, receives
from kennel.localcloud.services.cloudwatch.alarm import ACTIONS, iso
from kennel.localcloud.services.lambda_.asynchronous import invoke_later
from kennel.localcloud.services.lambda_.function_version import read_version

CLOUDWATCH, CLOUDWATCH_ALARMS = "cloudwatch.amazonaws.com", "lambda.alarms.cloudwatch.amazonaws.com"
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")  # what a publisher to a topic with a key needs
QUICK_PROTOCOLS = {"sqs", "email", "email-json", "sms"}  # others run a function or call a server
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
    from moto.sns.models import sns_backends

    region = arn.split(":")[3]
    topic = sns_backends[cloud.account][region].topics.get(arn)
    if topic is None:
        raise AwsError("NotFound", "Topic does not exist", 404)
    policy = policy_store.attached_policy("sns", region, [arn])
    _check(cloud, CLOUDWATCH, "sns:Publish", arn, alarm, ResourcePolicy(policy) if policy else None)
    if topic.kms_master_key_id:
        key = policy_store.key(region, topic.kms_master_key_id)
        for action in KEY_ACTIONS if key else ():
            assert key is not None
            _check(cloud, CLOUDWATCH, action, key.arn, alarm, ResourcePolicy(key.policy, required=True))
    region_name = REGION_NAMES.get(region, region)
    subject = f'{change.new}: "{alarm["AlarmName"]}" in {region_name}'[:100]
    message = json.dumps(message_of(cloud, alarm, change, region_name))
    subscriptions, _ = sns_backends[cloud.account][region].list_subscriptions_by_topic(topic_arn=arn)
    if all(subscription.protocol in QUICK_PROTOCOLS for subscription in subscriptions):
        topic.publish(message, subject=subject)
    else:
        threading.Thread(
            target=topic.publish, args=(message, subject), name="alarm to topic", daemon=True
        ).start()


@receives("arn:aws:lambda:")
def invoke(cloud: Cloud, arn: str, alarm: dict[str, Any], change: StateChange) -> None:
    """Invoke a function with a state change, which its policy must allow.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html

    Raises
    ------
    AwsError
        ``AuthorizationError``, or there is no such function.
    """
    _, _, _, region, _, _, name, qualifier = [*arn.split(":"), ""][:8]
    backend = lambda_backend(cloud.account, region)
    record = find_version(backend, name, qualifier or None)
    if record is None:
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
    policy = policy_store.attached_policy("lambda", region, [arn])
    resource_policy = ResourcePolicy(policy) if policy else None
    _check(cloud, CLOUDWATCH_ALARMS, "lambda:InvokeFunction", arn, alarm, resource_policy)
    event = {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": cloud.account,
        "time": iso(change.at),
        "region": region,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": change.new, "reason": change.reason, "timestamp": iso(change.at)},
            "previousState": {"value": change.old},
            "configuration": {"description": alarm.get("AlarmDescription")},
        },
    }
    invoke_later(
        cloud.in_region(region), read_version(record), backend.get_function(name), json.dumps(event).encode()
    )


def _check(
    cloud: Cloud,
    service: str,
    action: str,
    resource: str,
    alarm: dict[str, Any],
    policy: ResourcePolicy | None,
) -> None:
    context = {
        "aws:sourceaccount": cloud.account,
        "aws:sourceowner": cloud.account,
        "aws:sourcearn": alarm["AlarmArn"],
    }
    authorizer, principal = Authorizer(ImmediateAudit(cloud.audit_log)), service_principal(service)
    # A topic's default policy names everybody, with the condition aws:SourceOwner; that includes services.
    decision = Authorizer(NoAudit()).check(ANONYMOUS, action, resource, context, resource_policy=policy)
    if decision.allowed:
        authorizer.report(principal, action, resource, decision)
    else:
        decision = authorizer.check(principal, action, resource, context, resource_policy=policy)
    if not decision.allowed:
        raise AwsError(
            "AuthorizationError",
            f"{service} is not authorized to perform: {action} on resource: {resource} {decision.reason}",
            403,
        )


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
