"""``iam:PassRole``: the roles that a call hands to a service of AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store

# (service, operation): the path of the parameter that holds the role's ARN, and the service it is passed to.
PASSED_ROLES = {
    **{
        ("sagemaker", operation): (path, "sagemaker.amazonaws.com")
        for operation, path in {
            "CreateTrainingJob": "RoleArn",
            "CreateProcessingJob": "RoleArn",
            "CreateHyperParameterTuningJob": "TrainingJobDefinition.RoleArn",
            "CreateModel": "ExecutionRoleArn",
            "CreateEndpointConfig": "ExecutionRoleArn",
            "CreateNotebookInstance": "RoleArn",
            "UpdateNotebookInstance": "RoleArn",
            "CreatePipeline": "RoleArn",
        }.items()
    },
    ("lambda", "CreateFunction"): ("Role", "lambda.amazonaws.com"),
    ("lambda", "UpdateFunctionConfiguration"): ("Role", "lambda.amazonaws.com"),
    ("ec2", "RunInstances"): ("IamInstanceProfile", "ec2.amazonaws.com"),
    ("ec2", "AssociateIamInstanceProfile"): ("IamInstanceProfile", "ec2.amazonaws.com"),
    ("ec2", "ReplaceIamInstanceProfileAssociation"): ("IamInstanceProfile", "ec2.amazonaws.com"),
    ("ec2", "RequestSpotInstances"): ("LaunchSpecification.IamInstanceProfile", "ec2.amazonaws.com"),
    ("ec2", "CreateFlowLogs"): ("DeliverLogsPermissionArn", "vpc-flow-logs.amazonaws.com"),
    ("iam", "AddRoleToInstanceProfile"): ("RoleName", "ec2.amazonaws.com"),
    ("scheduler", "CreateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("cloudwatch", "PutMetricStream"): ("RoleArn", "streams.metrics.cloudwatch.amazonaws.com"),
    **{
        ("ecs", operation): ("executionRoleArn", "ecs-tasks.amazonaws.com")
        for operation in ("RegisterTaskDefinition", "RunTask", "StartTask")
    },
    ("application-autoscaling", "RegisterScalableTarget"): (
        "RoleARN",
        "application-autoscaling.amazonaws.com",
    ),
}


# Of every operation: a role's ARN below a member of such a name is passed to the called service.
ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/.+")
ROLE_MEMBER = re.compile(r".*(role|rolearn)", re.IGNORECASE)
# Members whose own members have names that the caller chooses, and that mean nothing to AWS.
FREE_NAMES = re.compile(
    r"environment\w*|variables|hyperparameters|\w*parameters|metadata|tags|\w*arguments|input", re.IGNORECASE
)
CHANGING = re.compile(
    r"(Add|Associate|Create|Import|Modify|Put|Register|Replace|Request|Run|Send|Start|Update)"
)
PRINCIPALS = {"stepfunctions": "states"}  # where the service's principal has another name than botocore's
# Services whose operations name roles to act on, or as, and pass them to nobody.
NAME_ROLES_ONLY = {"iam", "sts", "organizations", "accessanalyzer", "kms", "secretsmanager"}


def pass_role_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return each ``iam:PassRole`` that a call requires, if it passes a role."""
    default = "", f"{PRINCIPALS.get(request.service, request.service)}.amazonaws.com"
    path, service = PASSED_ROLES.get((request.service, request.operation), default)
    value: object = request.parameters
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    passed = _passed_roles(request) | {_role_arn(request, value)} - {""}
    context: dict[str, str | list[str]] = {"iam:passedtoservice": service}
    return [RequiredPermission("iam:PassRole", arn, context) for arn in sorted(passed)]


def _passed_roles(request: ApiRequest) -> set[str]:
    if request.service in NAME_ROLES_ONLY or not CHANGING.match(request.operation):
        return set()
    return set(_roles_below(request.parameters, ""))


def _roles_below(value: object, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for member, below in value.items():
            if not (FREE_NAMES.fullmatch(member) and isinstance(below, dict)):
                yield from _roles_below(below, str(member))
    elif isinstance(value, list):
        for below in value:
            yield from _roles_below(below, name)
    elif isinstance(value, str) and ROLE_MEMBER.fullmatch(name) and ROLE_ARN.fullmatch(value):
        yield value


def _role_arn(request: ApiRequest, value: object) -> str:
    """Return the ARN of a role given by ARN, by name, or by its instance profile; empty if there is none."""
    if isinstance(value, str) and (not value or value.startswith("arn:")):
        return value
    if isinstance(value, str):
        role = policy_store.role_named(value)
        return role.arn if role else f"arn:aws:iam::{request.account}:role/{value}"
    if isinstance(value, dict):  # an instance profile, by name or ARN, holds at most one role
        role = policy_store.role_of_instance_profile(value.get("Name"), value.get("Arn"))
        return role.arn if role else ""
    return ""
