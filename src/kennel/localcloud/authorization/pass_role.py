"""``iam:PassRole``: the roles that a call hands to a service of AWS."""

from __future__ import annotations

from kennel.localcloud.authorization.permission import Need
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store

# (service, operation): the path of the parameter that holds the role's ARN, and the service it is passed to.
PASSED = {
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
    ("ec2", "CreateFlowLogs"): ("DeliverLogsPermissionArn", "vpc-flow-logs.amazonaws.com"),
    ("iam", "AddRoleToInstanceProfile"): ("RoleName", "ec2.amazonaws.com"),
    ("scheduler", "CreateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("application-autoscaling", "RegisterScalableTarget"): (
        "RoleARN",
        "application-autoscaling.amazonaws.com",
    ),
}


def passed_roles(request: ApiRequest) -> list[Need]:
    """The PassRole that a call implies, if it passes a role."""
    path, service = PASSED.get((request.service, request.operation), ("", ""))
    value: object = request.parameters
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not value:
        return []
    arn = _role_arn(request, value)
    return [Need("iam:PassRole", arn, {"iam:passedtoservice": service})] if arn else []


def _role_arn(request: ApiRequest, value: object) -> str:
    if isinstance(value, str) and value.startswith("arn:"):
        return value
    if isinstance(value, str):
        role = policy_store.role_named(value)
        return role.arn if role else f"arn:aws:iam::{request.account}:role/{value}"
    if isinstance(value, dict):  # an instance profile, by name or ARN, holds at most one role
        for profile in policy_store.instance_profiles():
            if value.get("Name") == profile.name or value.get("Arn") == profile.arn:
                return next((str(role.arn) for role in profile.roles), "")
    return ""
