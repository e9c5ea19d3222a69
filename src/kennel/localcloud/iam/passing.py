"""``iam:PassRole``: the roles that a call hands to a service of AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kennel.localcloud.iam.needs import Need

if TYPE_CHECKING:
    from kennel.localcloud.call import Call

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


def passed_roles(call: Call) -> list[Need]:
    """The PassRole that a call implies, if it passes a role."""
    path, service = PASSED.get((call.service, call.operation), ("", ""))
    value: object = call.parameters
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not value:
        return []
    arn = _role_arn(call, value)
    return [Need("iam:PassRole", arn, {"iam:passedtoservice": service})] if arn else []


def _role_arn(call: Call, value: object) -> str:
    if isinstance(value, str) and value.startswith("arn:"):
        return value
    iam = call.backend("iam")
    if isinstance(value, str):
        role = next((role for role in iam.roles.values() if role.name == value), None)
        return role.arn if role else f"arn:aws:iam::{call.account}:role/{value}"
    if isinstance(value, dict):  # an instance profile, by name or ARN, holds at most one role
        for profile in iam.instance_profiles.values():
            if value.get("Name") == profile.name or value.get("Arn") == profile.arn:
                return next((str(role.arn) for role in profile.roles), "")
    return ""
