"""The project's own rules for policies, without checkov: what is too wide, and what cannot be read."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

POLICIES = Path(__file__).resolve().parents[3] / "policies"
ACCOUNT = [{"test": ["StringEquals"], "variable": ["aws:SourceAccount"], "values": [["1"]]}]


@pytest.fixture(scope="module")
def room() -> Iterator[dict[str, Any]]:
    """The checks' modules that need no checkov, found as checkov finds them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(POLICIES))
        yield {name: importlib.import_module(name) for name in ("statements", "rules")}
        for name in ("statements", "rules"):
            sys.modules.pop(name, None)


def document(room: dict[str, Any], **block: Any) -> Any:
    """Return the one statement of a policy document, in checkov's wrapping."""
    [statement] = room["statements"].of_document({"statement": [block]})
    return statement


def trust(room: dict[str, Any], service: str, **block: Any) -> Any:
    """Return a trust policy's statement."""
    principals = [{"type": ["Service"], "identifiers": [[service]]}]
    return document(room, actions=[["sts:AssumeRole"]], principals=principals, **block)


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
        "AmazonS3FullAccess",
        "arn:${data.aws_partition.current.partition}:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/job-function/DataScientist",
        "arn:aws:iam::aws:policy/AWSLambda_FullAccess",
        "arn:aws:iam::aws:policy/AmazonElasticFileSystemFullAccessV2",
        "arn:aws:iam::aws:policy/AdministratorAccess-Amplify",
        "PowerUserAccess",
    ],
)
def test_a_broad_policy_is_seen_wherever_its_name_stands(room: dict[str, Any], text: str) -> None:
    for value in (text, [[text]], {"policies": [{"arn": text}]}):
        assert room["statements"].broad_policy(value)


@pytest.mark.parametrize(
    "text",
    ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", "AmazonS3ReadOnlyAccess", "no full access", ""],
)
def test_a_narrow_policy_is_not_broad(room: dict[str, Any], text: str) -> None:
    assert room["statements"].broad_policy([text]) is None


@pytest.mark.parametrize("action", ["*", "s3:*", "iam:*", "*:*", "kms:*"])
def test_all_actions_of_a_service_are_too_wide(room: dict[str, Any], action: str) -> None:
    assert room["rules"].too_wide(document(room, actions=[["logs:PutLogEvents", action]]))
    [statement] = room["statements"].of_json({"Statement": {"Effect": "Allow", "Action": action}})
    assert room["rules"].too_wide(statement)


def test_everything_but_something_is_too_wide(room: dict[str, Any]) -> None:
    assert room["rules"].too_wide(document(room, not_actions=[["iam:*"]]))
    [statement] = room["statements"].of_json({"Statement": [{"Effect": "Allow", "NotAction": "iam:*"}]})
    assert room["rules"].too_wide(statement)


def test_denying_all_is_not_too_wide(room: dict[str, Any]) -> None:
    assert not room["rules"].too_wide(document(room, effect=["Deny"], actions=[["s3:*"]]))


def test_a_key_may_leave_its_rule_to_the_account_s_root_and_to_nobody_else(room: dict[str, Any]) -> None:
    def by(name: str) -> Any:
        principals = [{"type": ["AWS"], "identifiers": [[name]]}]
        return document(room, actions=[["kms:*"]], principals=principals)

    assert not room["rules"].too_wide(by("arn:aws:iam::123456789012:root"))
    assert room["rules"].too_wide(by("*"))
    assert room["rules"].too_wide(by("arn:aws:iam::123456789012:role/x"))


@pytest.mark.parametrize("action", ["iam:PassRole", "iam:passrole", "iam:Pass*", "iam:*", "*"])
@pytest.mark.parametrize("resource", ["*", "arn:aws:iam::1:role/*"])
def test_passing_any_role_is_found(room: dict[str, Any], action: str, resource: str) -> None:
    condition = [{"test": ["StringEquals"], "variable": ["iam:PassedToService"], "values": [["x"]]}]
    statement = document(room, actions=[[action]], resources=[[resource]], condition=condition)
    assert room["rules"].passes_any_role(statement)


def test_passing_a_role_to_any_service_is_found(room: dict[str, Any]) -> None:
    role = [["arn:aws:iam::1:role/training"]]
    statement = document(room, actions=[["iam:PassRole"]], resources=role)
    assert room["rules"].passes_any_role(statement)
    lax = [{"test": ["StringEqualsIfExists"], "variable": ["iam:PassedToService"], "values": [["x"]]}]
    statement = document(room, actions=[["iam:PassRole"]], resources=role, condition=lax)
    assert room["rules"].passes_any_role(statement)


def test_passing_one_role_to_one_service_is_fine(room: dict[str, Any]) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "arn:aws:iam::1:role/training",
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    }
    [read] = room["statements"].of_json({"Statement": statement})
    assert not room["rules"].passes_any_role(read)


@pytest.mark.parametrize("service", ["sagemaker.amazonaws.com", "lambda.amazonaws.com"])
def test_a_vouching_service_must_name_the_account(room: dict[str, Any], service: str) -> None:
    assert room["rules"].unvouched_trust(trust(room, service))
    assert not room["rules"].unvouched_trust(trust(room, service, condition=ACCOUNT))


def test_an_instance_s_role_need_not(room: dict[str, Any]) -> None:
    assert not room["rules"].unvouched_trust(trust(room, "ec2.amazonaws.com"))


def test_a_service_out_of_a_loop_is_looked_up_in_it(room: dict[str, Any]) -> None:
    statement = trust(room, "each.value.service")
    assert room["rules"].unvouched_trust(statement, [{"a": {"service": "lambda.amazonaws.com"}}])
    assert not room["rules"].unvouched_trust(statement, [{"a": {"service": "ec2.amazonaws.com"}}])
    assert room["rules"].unvouched_trust(statement, None)


def test_a_dynamic_condition_must_be_there_for_every_service(room: dict[str, Any]) -> None:
    def when(text: str) -> Any:
        content = [{**ACCOUNT[0], "values": [["condition.value"]]}]
        dynamic = [{"condition": {"for_each": [text], "content": content}}]
        return trust(room, "each.value.service", dynamic=dynamic)

    loop = [{"a": "lambda.amazonaws.com", "b": "sagemaker.amazonaws.com"}]
    both = "contains(['lambda.amazonaws.com', 'sagemaker.amazonaws.com'], each.value) ? [1] : []"
    assert not room["rules"].unvouched_trust(when(both), loop)
    assert room["rules"].unvouched_trust(when("contains(['lambda.amazonaws.com'], x) ? [1] : []"), loop)
    assert room["rules"].unvouched_trust(when(""), loop)


@pytest.mark.parametrize(
    "policy",
    [
        "data.aws_iam_policy_document.trust.json",
        'data.aws_iam_policy_document.trust["a"].json',
        "${data.aws_iam_policy_document.trust[each.key].json}",
        '{"Statement": []}',
        {"Statement": []},
    ],
)
def test_policies_that_the_audit_can_read(room: dict[str, Any], policy: Any) -> None:
    assert room["statements"].readable(policy)


@pytest.mark.parametrize(
    "policy",
    [
        '${templatefile("p.json", {})}',
        '${file("p.json")}',
        "var.policy",
        "each.value.policy",
        "data.http.policy.response_body",
        "module.iam.policy",
        "{broken",
    ],
)
def test_policies_that_the_audit_cannot_read(room: dict[str, Any], policy: str) -> None:
    assert not room["statements"].readable(policy)


def test_an_attachment_must_be_known_before_terraform_runs(room: dict[str, Any]) -> None:
    hidden = room["statements"].unreadable_attachments
    assert hidden({"policy_arn": ['var.policies["0"]']})
    assert hidden({"managed_policy_arns": [["arn:aws:iam::aws:policy/${var.name}"]]})
    assert not hidden({"policy_arn": ["aws_iam_policy.own.arn"]})
    assert not hidden({"policy_arn": ["data.aws_iam_policy.core.arn"]})
    assert not hidden({"policy_arn": ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]})


def test_actions_that_are_not_spelled_out_are_not_read_as_none(room: dict[str, Any]) -> None:
    assert document(room, actions=["var.actions"]).actions is None
    assert document(room, actions=["concat(local.a, local.b)"]).actions is None
    assert document(room, actions=["var.actions"]).hidden
    assert document(room, actions=[[]]).hidden
    assert not document(room, actions=[["s3:GetObject"]]).hidden
    assert not document(room, not_actions=[["s3:GetObject"]]).hidden


def test_dynamic_statements_are_read_too(room: dict[str, Any]) -> None:
    content = [{"actions": [["*"]], "resources": [["*"]]}]
    found = room["statements"].of_document(
        {"dynamic": [{"statement": {"for_each": ["x"], "content": content}}]}
    )
    assert [room["rules"].too_wide(statement) for statement in found] == [True]


def test_inline_policies_are_policies(room: dict[str, Any]) -> None:
    policy = json.dumps({"Statement": []})
    conf = {"inline_policy": [{"name": ["x"], "policy": [policy]}], "assume_role_policy": ["var.x"]}
    assert list(room["statements"].policies(conf)) == ["var.x", policy]
