"""``iam:PassRole``: the roles that a call hands to a service of AWS."""

from __future__ import annotations

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
    ("ec2", "CreateFlowLogs"): ("DeliverLogsPermissionArn", "vpc-flow-logs.amazonaws.com"),
    ("iam", "AddRoleToInstanceProfile"): ("RoleName", "ec2.amazonaws.com"),
    ("scheduler", "CreateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("application-autoscaling", "RegisterScalableTarget"): (
        "RoleARN",
        "application-autoscaling.amazonaws.com",
    ),
}


def pass_role_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return the ``iam:PassRole`` that a call requires, if it passes a role."""
    path, service = PASSED_ROLES.get((request.service, request.operation), ("", ""))
    value: object = request.parameters
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    arn = _role_arn(request, value)
    return [RequiredPermission("iam:PassRole", arn, {"iam:passedtoservice": service})] if arn else []


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
