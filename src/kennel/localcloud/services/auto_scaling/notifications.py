"""Notifications of groups: a message to a topic for each instance that is launched or terminated.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-sns-notifications.html
"""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.document import parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, ResourcePolicy
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services import service_calls
from kennel.localcloud.services.auto_scaling.activities import (
    SERVICE,
    Activity,
    find_group,
    groups_of,
    when_noted,
)

log = logging.getLogger(__name__)
ROLE = "AWSServiceRoleForAutoScaling"
TEST = "autoscaling:TEST_NOTIFICATION"
LAUNCH, TERMINATE = "autoscaling:EC2_INSTANCE_LAUNCH", "autoscaling:EC2_INSTANCE_TERMINATE"
# Those of errors are never sent: instances are launched and terminated without any.
TYPES = (LAUNCH, f"{LAUNCH}_ERROR", TERMINATE, f"{TERMINATE}_ERROR", TEST)
TITLES = {LAUNCH: "launch", TERMINATE: "termination", TEST: "test notification"}
# What the role's policy grants of SNS: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/
# AutoScalingServiceRolePolicy.html
GRANTED = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]}
)


@dataclass
class Notifications(KeptStore):
    """The types of notifications that groups send, by the group's ARN and the topic's."""

    by_group: dict[str, dict[str, list[str]]] = field(default_factory=dict)


@operation(SERVICE, "DescribeAutoScalingNotificationTypes")
def describe_types(call: Call) -> dict[str, Any]:
    """Name the types of notifications."""
    return {"AutoScalingNotificationTypes": list(TYPES)}


@operation(SERVICE, "PutNotificationConfiguration")
def put_notifications(call: Call) -> dict[str, Any]:
    """Let a group notify a topic, and try it; what the topic was notified of before is replaced."""
    given, group = call.parameters, find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    topic, kinds = given["TopicARN"], list(given["NotificationTypes"])
    unknown = [kind for kind in kinds if kind not in TYPES]
    if unknown:
        raise AwsError("ValidationError", f"{unknown[0]} is not a valid Notification Type")
    try:
        _publish(call.cloud, topic, group.name, group.arn, TEST, {})
    except AwsError as error:
        message = (
            f"Unable to publish test message to notification target {topic} using IAM role "
            f"{_role(call.cloud.account)}. Please check your target and role configuration and try to put "
            f"notification configuration again. ({error.message})"
        )
        raise AwsError("ValidationError", message) from error
    call.cloud.store(Notifications).by_group.setdefault(group.arn, {})[topic] = kinds
    return {}


@operation(SERVICE, "DescribeNotificationConfigurations")
def describe_notifications(call: Call) -> dict[str, Any]:
    """Describe what groups notify topics of, each type by itself."""
    names, kept = call.parameters.get("AutoScalingGroupNames"), call.cloud.store(Notifications).by_group
    shown = [
        {"AutoScalingGroupName": group.name, "TopicARN": topic, "NotificationType": kind}
        for group in groups_of(call.cloud)
        if not names or group.name in names
        for topic, kinds in kept.get(group.arn, {}).items()
        for kind in kinds
    ]
    begin, most = int(call.parameters.get("NextToken") or 0), int(call.parameters.get("MaxRecords") or 50)
    more = {"NextToken": str(begin + most)} if len(shown) > begin + most else {}
    return {"NotificationConfigurations": shown[begin : begin + most], **more}


@operation(SERVICE, "DeleteNotificationConfiguration")
def delete_notifications(call: Call) -> dict[str, Any]:
    """Notify a topic no more."""
    group = find_group(call.cloud, call.parameters["AutoScalingGroupName"])
    topics = call.cloud.store(Notifications).by_group.get(group.arn, {})
    if topics.pop(call.parameters["TopicARN"], None) is None:
        raise AwsError("ValidationError", "Topic does not exist in notification configurations of the group")
    return {}


@when_noted
def notify(cloud: Cloud, activity: Activity, instance: str) -> None:
    """Notify the topics of a group of an activity; what cannot be published is logged."""
    group, described = activity["AutoScalingGroupARN"], activity["Description"]
    topics = cloud.store(Notifications).by_group.get(group, {})
    kind = LAUNCH if described.startswith("Launching") else TERMINATE
    if not topics or described.startswith("Detaching"):
        return
    message = _message(cloud, activity, instance, launched=kind == LAUNCH)
    for topic, kinds in list(topics.items()):
        if kind in kinds:
            try:
                _publish(cloud, topic, activity["AutoScalingGroupName"], group, kind, message)
            except AwsError as error:
                log.warning("%s could not notify %s: %s", group, topic, error.message)


def _message(cloud: Cloud, activity: Activity, instance: str, *, launched: bool) -> dict[str, Any]:
    from moto.ec2.models import ec2_backends

    record = ec2_backends[cloud.account][cloud.region].get_instance_by_id(instance)
    details = {"Availability Zone": record.placement.zone} if record else {}
    if record and record.subnet_id:
        details["Subnet ID"] = record.subnet_id
    ends = ("EC2", "AutoScalingGroup")
    return {
        "EC2InstanceId": instance,
        "ActivityId": activity["ActivityId"],
        "StatusCode": "InProgress",
        "StatusMessage": "",
        "Description": activity["Description"],
        "Cause": activity["Cause"],
        "StartTime": _iso(activity["StartTime"]),
        "EndTime": _iso(activity["EndTime"]),
        "Progress": 50,
        "Details": details,
        "Origin": ends[not launched],
        "Destination": ends[launched],
    }


def _publish(cloud: Cloud, topic: str, name: str, arn: str, kind: str, members: dict[str, Any]) -> None:
    """Publish a message by the service-linked role.

    Raises
    ------
    AwsError
        There is no such topic, or its policy or its key's does not let the role publish.
    """
    record = service_calls.find_topic(cloud, topic)
    region = topic.split(":")[3]
    _check(cloud, "sns:Publish", topic, policy_store.attached_policy("sns", region, [topic]))
    key = record.kms_master_key_id and policy_store.key(region, record.kms_master_key_id)
    if key and not record.kms_master_key_id.rpartition("alias/")[2].startswith("aws/"):
        for action in service_calls.KEY_ACTIONS:
            _check(cloud, action, key.arn, key.policy, required=True)
    message = {
        "Service": "AWS Auto Scaling",
        "Time": _iso(datetime.fromtimestamp(cloud.clock.time(), UTC)),
        "RequestId": members.get("ActivityId") or str(uuid.uuid4()),
        "Event": kind,
        "AccountId": cloud.account,
        "AutoScalingGroupName": name,
        "AutoScalingGroupARN": arn,
        **members,
    }
    subject = f'Auto Scaling: {TITLES[kind]} for group "{name}"'[:100]
    record.publish(json.dumps(message), subject=subject)


def _role(account: str) -> str:
    return f"arn:aws:iam::{account}:role/aws-service-role/{SERVICE}.amazonaws.com/{ROLE}"


def _check(cloud: Cloud, action: str, resource: str, policy: Any, *, required: bool = False) -> None:
    session = f"arn:aws:sts::{cloud.account}:assumed-role/{ROLE}/AutoScaling"
    principal = Principal("role", session, cloud.account, ROLE, _role(cloud.account))
    decision = Authorizer(ImmediateAudit(cloud.audit_log)).check(
        principal,
        action,
        resource,
        {},
        policies=PrincipalPolicies([parse(GRANTED, ROLE)]),
        resource_policy=ResourcePolicy(policy, required=required) if policy else None,
    )
    if not decision.allowed:
        message = f"{ROLE} is not authorized to perform: {action} on resource: {resource} {decision.reason}"
        raise AwsError("AuthorizationError", message, 403)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
