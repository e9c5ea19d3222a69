"""Calls are counted by role and action; planned resources by module."""

from __future__ import annotations

from typing import Any

from kennel.report import calls, planned


def entry(principal: str, action: str, decision: str = "allow") -> dict[str, Any]:
    return {
        "principal": principal,
        "action": action,
        "resource": "*",
        "decision": decision,
        "reason": "because",
    }


ROLE = "arn:aws:sts::123456789012:assumed-role/kennel-local-{}-us-east-1/session-{}"
OPERATOR = "arn:aws:iam::123456789012:user/kennel-operator"


def test_sessions_of_a_role_are_one_column_and_denials_are_counted_apart() -> None:
    matrix = calls.matrix(
        [
            entry(ROLE.format("training", 1), "s3:GetObject"),
            entry(ROLE.format("training", 2), "s3:GetObject"),
            entry(ROLE.format("training", 2), "s3:GetObject", "deny"),
            entry(ROLE.format("function", 1), "sagemaker:InvokeEndpoint"),
            entry(OPERATOR, "s3:GetObject", "unrestricted"),
            entry(OPERATOR, "ec2:CreateVpc", "unrestricted"),
            entry(OPERATOR, "ec2:DescribeVpcs", "unrestricted"),
        ]
    )

    assert matrix is not None
    names = [principal["name"] for principal in matrix["principals"]]
    assert names == ["function", "training", "kennel-operator"]
    rows = {
        row["action"]: [(cell["allowed"], cell["denied"]) for cell in row["cells"]] for row in matrix["rows"]
    }
    assert rows == {
        "s3:GetObject": [(0, 0), (2, 1), (1, 0)],
        "sagemaker:InvokeEndpoint": [(1, 0), (0, 0), (0, 0)],
    }
    assert matrix["operator"] == [{"service": "ec2", "calls": 2, "actions": ["CreateVpc", "DescribeVpcs"]}]
    assert [denied["principal"] for denied in matrix["denied"]] == [ROLE.format("training", 2)]


def test_a_service_and_an_anonymous_caller_have_names() -> None:
    matrix = calls.matrix(
        [entry("lambda.amazonaws.com", "sts:AssumeRole"), entry("", "s3:GetObject", "deny")]
    )

    assert matrix is not None
    assert [principal["name"] for principal in matrix["principals"]] == ["anonymous", "lambda service"]
    assert calls.matrix([]) is None


def test_resources_are_counted_by_module_and_type() -> None:
    changes = [
        'create module.storage.aws_s3_bucket.this["data.v1"]',
        'create module.storage.aws_s3_bucket.this["artifacts"]',
        "create module.endpoint.module.alarms[0].aws_cloudwatch_metric_alarm.this",
        "create aws_budgets_budget.this",
        "read module.storage.data.aws_iam_policy_document.tls",
    ]

    assert planned.by_module(changes) == [
        {"module": "endpoint.alarms", "count": 1, "types": [("aws_cloudwatch_metric_alarm", 1)]},
        {"module": "root module", "count": 1, "types": [("aws_budgets_budget", 1)]},
        {
            "module": "storage",
            "count": 2,
            "types": [("aws_s3_bucket", 2)],
        },
    ]
