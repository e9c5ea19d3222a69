"""Every operation that the local cloud answers is checked on the resource types that AWS has for it.

docs/iam.md holds what is enforced. To write that part anew:
``KENNEL_WRITE_DOCS=1 .venv/bin/python -m pytest tests/unit/localcloud/test_resource_types.py``
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from kennel.localcloud.authorization.action_names import action_name
from kennel.localcloud.authorization.required_permissions import required_permissions

from .answered_operations import ACCOUNT, AWS, request_of, services, survey
from .enforced import EXCEPTIONS, section

PAGE = Path(__file__).resolve().parents[3] / "docs" / "iam.md"
WRITE = bool(os.environ.get("KENNEL_WRITE_DOCS"))
SECTION = re.compile(r"(<!-- enforced: .*? -->\n)(.*?)(<!-- end of enforced -->)", re.DOTALL)


def test_the_page_says_what_is_enforced() -> None:
    text = PAGE.read_text(encoding="utf-8")
    written = SECTION.sub(lambda match: match[1] + section() + match[3], text)
    if WRITE:
        PAGE.write_text(written, encoding="utf-8")
    assert SECTION.search(text) is not None
    assert WRITE or written == text


@pytest.mark.parametrize("service", services())
def test_no_operation_with_a_resource_type_is_checked_on_everything(service: str) -> None:
    on_everything = {item.operation for item in survey(service) if item.types and item.on_everything}
    assert on_everything == {operation for name, operation in EXCEPTIONS if name == service}


@pytest.mark.parametrize("service", services())
def test_every_action_is_of_aws(service: str) -> None:
    actions = {permission.action for item in survey(service) for permission in item.permissions}
    split = [action.partition(":") for action in actions]
    assert [(prefix, name) for prefix, _, name in split if name not in AWS[prefix]["actions"]] == []


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
    action = action_name(service, operation)
    permissions = required_permissions(request_of(service, operation, parameters))
    assert [item.resource for item in permissions if item.action == action] == resources


TABLES = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table"


@pytest.mark.parametrize(
    ("statement", "action", "table"),
    [
        ("""SELECT * FROM "t" WHERE a = 1""", "Select", "t"),
        ("""select "a from x", b from t.i""", "Select", "t/index/i"),
        ("""INSERT INTO "t" VALUE {'a': 'into x'}""", "Insert", "t"),
        ("""UPDATE "t" SET a = 'from x' WHERE b = 'into y'""", "Update", "t"),
        ("""DELETE FROM t WHERE a = 'from x'""", "Delete", "t"),
    ],
)
def test_partiql_is_checked_on_the_table_that_it_is_about(statement: str, action: str, table: str) -> None:
    for operation, parameters in (
        ("ExecuteStatement", {"Statement": statement}),
        ("BatchExecuteStatement", {"Statements": [{"Statement": statement}]}),
    ):
        permissions = required_permissions(request_of("dynamodb", operation, parameters))
        assert [(item.action, item.resource) for item in permissions] == [
            (f"dynamodb:PartiQL{action}", f"{TABLES}/{table}")
        ]


def test_a_transaction_requires_the_permission_of_each_part() -> None:
    items = [
        {"Put": {"TableName": "t"}},
        {"Delete": {"TableName": "u"}},
        {"ConditionCheck": {"TableName": "v"}},
    ]
    permissions = required_permissions(request_of("dynamodb", "TransactWriteItems", {"TransactItems": items}))
    assert [(item.action, item.resource) for item in permissions] == [
        ("dynamodb:PutItem", f"{TABLES}/t"),
        ("dynamodb:DeleteItem", f"{TABLES}/u"),
        ("dynamodb:ConditionCheckItem", f"{TABLES}/v"),
    ]


def test_api_gateway_is_checked_on_methods_and_paths() -> None:
    permissions = required_permissions(
        request_of("apigateway", "DeleteStage", {"restApiId": "a", "stageName": "s"})
    )
    assert [(item.action, item.resource) for item in permissions] == [
        ("apigateway:DELETE", "arn:aws:apigateway:us-east-1::/restapis/a/stages/s")
    ]
