"""Every operation that the local cloud answers is checked on the resource types that AWS has for it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from botocore import xform_name
from botocore.model import Shape
from botocore.session import get_session

from kennel.localcloud.authorization.required_permissions import action_name, required_permissions
from kennel.localcloud.authorization.resource_types import types_of
from kennel.localcloud.dispatch.registry import handler_of
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.services import register

ACCOUNT = "123456789012"
ARN = f"arn:aws:x:us-east-1:{ACCOUNT}:x/x"
DEEPEST = 4  # members of members that are filled
SESSION = Principal("role", f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session", account=ACCOUNT)
# botocore's services, and moto's modules with their operations.
SERVICES = {
    "application-autoscaling": "applicationautoscaling",
    "cloudtrail": "cloudtrail",
    "cloudwatch": "cloudwatch",
    "ec2": "ec2",
    "ecr": "ecr",
    "events": "events",
    "iam": "iam",
    "kms": "kms",
    "lambda": "awslambda",
    "logs": "logs",
    "sagemaker": "sagemaker",
    "scheduler": "scheduler",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
}
# Operations that are checked on * although AWS has a resource type, and why.
EXCEPTIONS: dict[tuple[str, str], str] = {
    **{
        ("cloudwatch", name): "its type is the dataset, which the local cloud does not have"
        for name in ("GetMetricData", "ListMetrics", "PutMetricData")
    },
    **{
        ("ec2", name): "named by the id of an association"
        for name in ("DisassociateAddress", "DisassociateRouteTable", "DisassociateVpcCidrBlock")
    },
    ("sagemaker", "ListModelPackages"): "names a group at most, and the type is the package",
}
MODELS = get_session()


def answered(service: str) -> list[str]:
    """Return the operations of a service that the local cloud or moto answers."""
    register()
    responses = vars(import_module(f"moto.{SERVICES[service]}.responses")).values()
    names = {
        name
        for item in responses
        if isinstance(item, type)
        for base in item.__mro__
        if base is not object and base.__module__ != "moto.core.responses"
        for name in vars(base)
    }
    operations = MODELS.get_service_model(service).operation_names
    return [name for name in operations if handler_of(service, name) or xform_name(name) in names]


def filled(shape: Shape | None, depth: int = 0) -> Any:
    """Return parameters with every member of a request."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        if depth == DEEPEST:
            return {}
        return {
            name: ARN if name.lower().endswith(("arn", "resourceid")) else filled(member, depth + 1)
            for name, member in shape.members.items()
        }
    if shape.type_name == "list":
        return [ARN if shape.name == "ResourceIdList" else filled(shape.member, depth + 1)]
    if shape.type_name == "map":
        return {"key": filled(shape.value, depth + 1)}
    return {"integer": 1, "long": 1, "boolean": True, "blob": b"x"}.get(shape.type_name, "x")


def checked_on(service: str, operation: str, parameters: dict[str, Any]) -> list[str]:
    action = action_name(service, operation)
    request = ApiRequest(service, operation, SESSION, parameters)
    return [item.resource for item in required_permissions(request) if item.action == action]


@pytest.mark.parametrize("service", SERVICES)
def test_no_operation_with_a_resource_type_is_checked_on_everything(service: str) -> None:
    model = MODELS.get_service_model(service)
    on_everything = []
    for operation in answered(service):
        if not any(types_of(action_name(service, operation))):
            continue
        parameters = filled(model.operation_model(operation).input_shape)
        if "*" in checked_on(service, operation, parameters):
            on_everything.append(operation)
    exceptions = {operation for name, operation in EXCEPTIONS if name == service}
    assert set(on_everything) == exceptions


EC2 = f"arn:aws:ec2:us-east-1:{ACCOUNT}"
EVENTS = f"arn:aws:events:us-east-1:{ACCOUNT}"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "resources"),
    [
        ("ec2", "CreateSubnet", {"VpcId": "vpc-1"}, [f"{EC2}:subnet/*", f"{EC2}:vpc/vpc-1"]),
        ("ec2", "DeleteVpc", {"VpcId": "vpc-1"}, [f"{EC2}:vpc/vpc-1"]),
        ("ec2", "CreateTags", {"Resources": ["vpc-1", "i-2"]}, [f"{EC2}:vpc/vpc-1", f"{EC2}:instance/i-2"]),
        ("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": "sg-1"}, [f"{EC2}:security-group/sg-1"]),
        ("ec2", "DescribeVpcs", {}, ["*"]),
        ("events", "PutRule", {"Name": "r"}, [f"{EVENTS}:rule/r"]),
        ("events", "PutTargets", {"Rule": "r", "EventBusName": "b"}, [f"{EVENTS}:rule/b/r"]),
        (
            "ec2",
            "RunInstances",
            {"ImageId": "ami-1", "NetworkInterfaces": [{"SubnetId": "subnet-1", "Groups": ["sg-1"]}]},
            [
                "arn:aws:ec2:us-east-1::image/ami-1",
                f"{EC2}:instance/*",
                f"{EC2}:network-interface/*",
                f"{EC2}:security-group/sg-1",
                f"{EC2}:subnet/subnet-1",
            ],
        ),
        (
            "ssm",
            "AddTagsToResource",
            {"ResourceType": "Document", "ResourceId": "d"},
            [f"arn:aws:ssm:us-east-1:{ACCOUNT}:document/d"],
        ),
        (
            "scheduler",
            "GetSchedule",
            {"Name": "s"},
            [f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/s"],
        ),
        (
            "scheduler",
            "CreateSchedule",
            {"Name": "s", "GroupName": "g"},
            [f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/g/s"],
        ),
        ("ssm", "GetDocument", {"Name": "d"}, [f"arn:aws:ssm:us-east-1:{ACCOUNT}:document/d"]),
        (
            "lambda",
            "GetLayerVersion",
            {"LayerName": "l", "VersionNumber": 3},
            [f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:l:3"],
        ),
        (
            "sagemaker",
            "DeleteModelBiasJobDefinition",
            {"JobDefinitionName": "j"},
            [f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-bias-job-definition/j"],
        ),
    ],
)
def test_resource_types_are_bound_to_parameters(
    service: str, operation: str, parameters: dict[str, Any], resources: list[str]
) -> None:
    assert checked_on(service, operation, parameters) == resources
