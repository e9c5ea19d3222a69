"""What a call requires beside its own action: roles that it passes, and tags that it gives."""

from __future__ import annotations

from typing import Any

import pytest

from kennel.localcloud.authorization.required_permissions import required_permissions

from .answered_operations import ACCOUNT, request_of

ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
TAGS = [{"Key": "team", "Value": "vision"}]
PASSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("cloudtrail", "CreateTrail", {"CloudWatchLogsRoleArn": ROLE}, "cloudtrail"),
    ("ecs", "RegisterTaskDefinition", {"family": "f", "executionRoleArn": ROLE}, "ecs-tasks"),
    ("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "1"}, {"RoleArn": ROLE}]}, "events"),
    ("lambda", "CreateFunction", {"FunctionName": "f", "Role": ROLE}, "lambda"),
    ("logs", "PutSubscriptionFilter", {"logGroupName": "/g", "roleArn": ROLE}, "logs"),
    ("s3", "PutBucketReplication", {"Bucket": "b", "ReplicationConfiguration": {"Role": ROLE}}, "s3"),
    ("sagemaker", "CreateAutoMLJob", {"AutoMLJobName": "j", "RoleArn": ROLE}, "sagemaker"),
    (
        "sagemaker",
        "CreateHyperParameterTuningJob",
        {"HyperParameterTuningJobName": "t", "TrainingJobDefinitions": [{"RoleArn": ROLE}]},
        "sagemaker",
    ),
    ("sagemaker", "UpdatePipeline", {"PipelineName": "p", "RoleArn": ROLE}, "sagemaker"),
    ("scheduler", "UpdateSchedule", {"Name": "s", "Target": {"RoleArn": ROLE}}, "scheduler"),
    ("stepfunctions", "CreateStateMachine", {"name": "m", "roleArn": ROLE}, "states"),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "passed_to"), PASSED)
def test_a_role_that_is_passed_requires_pass_role(
    service: str, operation: str, parameters: dict[str, Any], passed_to: str
) -> None:
    permissions = required_permissions(request_of(service, operation, parameters))
    passed = [(item.resource, item.context) for item in permissions if item.action == "iam:PassRole"]
    assert passed == [(ROLE, {"iam:passedtoservice": f"{passed_to}.amazonaws.com"})]


TAGGED: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("dynamodb", "CreateTable", {"TableName": "t", "Tags": TAGS}, "dynamodb:TagResource", "table/t"),
    ("ecr", "CreateRepository", {"repositoryName": "r", "tags": TAGS}, "ecr:TagResource", "repository/r"),
    ("events", "PutRule", {"Name": "r", "Tags": TAGS}, "events:TagResource", "rule/r"),
    ("iam", "CreateRole", {"RoleName": "r", "Tags": TAGS}, "iam:TagRole", "role/r"),
    ("iam", "CreatePolicy", {"PolicyName": "p", "Tags": TAGS}, "iam:TagPolicy", "policy/p"),
    ("iam", "CreateUser", {"UserName": "u", "Tags": TAGS}, "iam:TagUser", "user/u"),
    ("kms", "CreateKey", {"Tags": [{"TagKey": "team", "TagValue": "vision"}]}, "kms:TagResource", "key/*"),
    (
        "lambda",
        "CreateFunction",
        {"FunctionName": "f", "Tags": {"team": "v"}},
        "lambda:TagResource",
        "function:f",
    ),
    (
        "logs",
        "CreateLogGroup",
        {"logGroupName": "/g", "tags": {"team": "v"}},
        "logs:TagResource",
        "log-group:/g",
    ),
    ("sagemaker", "CreateModel", {"ModelName": "m", "Tags": TAGS}, "sagemaker:AddTags", "model/m"),
    (
        "scheduler",
        "CreateScheduleGroup",
        {"Name": "g", "Tags": TAGS},
        "scheduler:TagResource",
        "schedule-group/g",
    ),
    ("secretsmanager", "CreateSecret", {"Name": "s", "Tags": TAGS}, "secretsmanager:TagResource", "secret:"),
    ("sns", "CreateTopic", {"Name": "t", "Tags": TAGS}, "sns:TagResource", ":t"),
    ("sqs", "CreateQueue", {"QueueName": "q", "tags": {"team": "v"}}, "sqs:TagQueue", ":q"),
    ("ssm", "PutParameter", {"Name": "/p", "Tags": TAGS}, "ssm:AddTagsToResource", "parameter/p"),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "action", "resource"), TAGGED)
def test_tags_on_creation_require_the_action_that_tags(
    service: str, operation: str, parameters: dict[str, Any], action: str, resource: str
) -> None:
    permissions = required_permissions(request_of(service, operation, parameters))
    tagging = [item.resource for item in permissions if item.action == action]
    assert len(tagging) == 1
    assert resource in tagging[0]
    untagged = {name: value for name, value in parameters.items() if name.lower() != "tags"}
    permissions = required_permissions(request_of(service, operation, untagged))
    assert action not in [item.action for item in permissions]


def test_ec2_tags_each_kind_that_a_call_creates() -> None:
    specifications = [{"ResourceType": kind, "Tags": TAGS} for kind in ("instance", "volume")]
    parameters = {"ImageId": "ami-1", "TagSpecifications": specifications}
    permissions = required_permissions(request_of("ec2", "RunInstances", parameters))
    tagging = [(item.resource, item.context) for item in permissions if item.action == "ec2:CreateTags"]
    assert tagging == [
        (f"arn:aws:ec2:us-east-1:{ACCOUNT}:{kind}/*", {"ec2:createaction": "RunInstances"})
        for kind in ("instance", "volume")
    ]
