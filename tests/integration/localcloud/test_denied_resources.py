"""An explicit deny on the ARN of a resource denies the calls that name it, of every service that is bound."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import Shape

from kennel.localcloud.authorization.action_names import action_name
from kennel.localcloud.authorization.required_permissions import required_permissions
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.principal import Principal

from .conftest import ACCOUNT, Client, statement

SESSION = Principal("role", f"arn:aws:sts::{ACCOUNT}:assumed-role/x/x", account=ACCOUNT)
# botocore's services, and how many of their operations name a resource, at least.
SERVICES = {
    "cloudwatch": 10,
    "dynamodb": 20,
    "ec2": 50,
    "ecr": 20,
    "events": 20,
    "iam": 50,
    "kms": 20,
    "lambda": 50,
    "logs": 25,
    "rds": 40,
    "s3": 20,
    "sagemaker": 50,
    "secretsmanager": 10,
    "sqs": 10,
    "ssm": 30,
}
MOST = 100  # of a service's operations, evenly drawn from all
IAM_KINDS = (
    "access-report",
    "group",
    "instance-profile",
    "mfa",
    "oidc-provider",
    "policy",
    "role",
    "saml-provider",
    "server-certificate",
    "user",
)
NAME = "named-resource-of-forty-characters-x-x"  # long enough for every parameter


OF_A_FORM = {
    "CopySource": f"{NAME}/{NAME}",
    "Path": "/",
    "ChecksumAlgorithm": "CRC32",
    "ExpectedBucketOwner": ACCOUNT,
    "ExpectedSourceBucketOwner": ACCOUNT,
}


def denied_arns(service: str) -> list[str]:
    """Return patterns of the ARNs of a service's resources that have the name."""
    if service == "iam":  # whose policies must name the kind
        return [f"arn:aws:iam::{ACCOUNT}:{kind}/*{NAME}*" for kind in IAM_KINDS]
    places = [":"] if service == "s3" else [f"*:{ACCOUNT}", f":{ACCOUNT}", "*:"]
    return [f"arn:aws:{service}:{place}:*{NAME}*" for place in places]


def filled(shape: Shape | None, *, top: bool = True) -> Any:
    """Return parameters with every text of the request, and what else it requires."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        required = set(shape.required_members)
        if getattr(shape, "is_tagged_union", False):
            required = {next(iter(shape.members))}
        return {
            name: OF_A_FORM.get(name) or filled(member, top=False)
            for name, member in shape.members.items()
            if name in required or (top and _is_text(member))
        }
    if shape.type_name == "list":
        return [filled(shape.member, top=False)]
    if shape.type_name == "map":
        return {"key": filled(shape.value, top=False)}
    others = {"integer": 60, "long": 60, "float": 1.0, "double": 1.0, "boolean": True, "blob": b"x"}
    others["timestamp"] = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return others.get(shape.type_name, NAME)


def _is_text(shape: Shape) -> bool:
    return shape.type_name == "string" or (shape.type_name == "list" and shape.member.type_name == "string")


@pytest.mark.parametrize("service_name", SERVICES)
def test_a_deny_on_an_arn_denies(
    service_name: str, client: Client, role: Callable[..., dict[str, str]]
) -> None:
    deny = statement("*", denied_arns(service_name), "Deny")
    credentials = role(f"denied-{service_name}", statement("*", "*"), deny)
    caller = client(service_name, credentials)
    model = caller.meta.service_model
    if service_name == "s3":  # which says of any bucket whether it exists
        client("s3").create_bucket(Bucket=NAME)
    calls, let_through = 0, []
    operations = model.operation_names
    for operation in operations[:: -(-len(operations) // MOST)]:
        if model.operation_model(operation).endpoint or "DelegationRequest" in operation:
            continue  # it has a host of its own, or is of a kind that moto takes in no policy
        parameters = filled(model.operation_model(operation).input_shape)
        request = ApiRequest(service_name, operation, SESSION, parameters)
        action = action_name(service_name, operation)
        resources = [item.resource for item in required_permissions(request) if item.action == action]
        if not any(text.startswith(f"arn:aws:{service_name}:") and NAME in text for text in resources):
            continue
        try:
            caller._make_api_call(operation, parameters)
        except ParamValidationError:
            continue  # a parameter has a form of its own
        except ClientError as error:
            calls += 1
            if "explicit deny in an identity-based policy" in str(error):
                continue
        let_through.append(operation)
    assert not let_through
    assert calls >= SERVICES[service_name]
