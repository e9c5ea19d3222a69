"""The project's own rules for policies, without checkov: what is too broad, and what is unreadable."""

from __future__ import annotations

import json
from typing import Any

import pytest

ACCOUNT = [{"test": ["StringEquals"], "variable": ["aws:SourceAccount"], "values": [["1"]]}]


def document(modules: dict[str, Any], **block: Any) -> Any:
    """Return the one statement of a policy document, wrapped as checkov does."""
    [statement] = modules["statements"].of_document({"statement": [block]})
    return statement


def trust(modules: dict[str, Any], service: str, **block: Any) -> Any:
    """Return a trust policy's statement."""
    principals = [{"type": ["Service"], "identifiers": [[service]]}]
    return document(modules, actions=[["sts:AssumeRole"]], principals=principals, **block)


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
def test_a_broad_policy_is_seen_wherever_its_name_appears(modules: dict[str, Any], text: str) -> None:
    for value in (text, [[text]], {"policies": [{"arn": text}]}):
        assert modules["statements"].broad_policy(value)


@pytest.mark.parametrize(
    "text",
    ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", "AmazonS3ReadOnlyAccess", "no full access", ""],
)
def test_a_narrow_policy_is_not_broad(modules: dict[str, Any], text: str) -> None:
    assert modules["statements"].broad_policy([text]) is None


@pytest.mark.parametrize("action", ["*", "s3:*", "iam:*", "*:*", "kms:*"])
def test_all_actions_of_a_service_are_too_broad(modules: dict[str, Any], action: str) -> None:
    assert modules["rules"].grants_whole_service(document(modules, actions=[["logs:PutLogEvents", action]]))
    [statement] = modules["statements"].of_json({"Statement": {"Effect": "Allow", "Action": action}})
    assert modules["rules"].grants_whole_service(statement)


def test_everything_but_something_is_too_broad(modules: dict[str, Any]) -> None:
    assert modules["rules"].grants_whole_service(document(modules, not_actions=[["iam:*"]]))
    [statement] = modules["statements"].of_json({"Statement": [{"Effect": "Allow", "NotAction": "iam:*"}]})
    assert modules["rules"].grants_whole_service(statement)


def test_denying_all_is_not_too_broad(modules: dict[str, Any]) -> None:
    assert not modules["rules"].grants_whole_service(document(modules, effect=["Deny"], actions=[["s3:*"]]))


def test_a_key_policy_may_delegate_to_the_account_s_root_only(modules: dict[str, Any]) -> None:
    def by(name: str) -> Any:
        principals = [{"type": ["AWS"], "identifiers": [[name]]}]
        return document(modules, actions=[["kms:*"]], principals=principals)

    assert not modules["rules"].grants_whole_service(by("arn:aws:iam::123456789012:root"))
    assert modules["rules"].grants_whole_service(by("*"))
    assert modules["rules"].grants_whole_service(by("arn:aws:iam::123456789012:role/x"))


@pytest.mark.parametrize("action", ["iam:PassRole", "iam:passrole", "iam:Pass*", "iam:*", "*"])
@pytest.mark.parametrize("resource", ["*", "arn:aws:iam::1:role/*"])
def test_passing_any_role_is_detected(modules: dict[str, Any], action: str, resource: str) -> None:
    condition = [{"test": ["StringEquals"], "variable": ["iam:PassedToService"], "values": [["x"]]}]
    statement = document(modules, actions=[[action]], resources=[[resource]], condition=condition)
    assert modules["rules"].passes_any_role(statement)


def test_passing_a_role_to_any_service_is_detected(modules: dict[str, Any]) -> None:
    role = [["arn:aws:iam::1:role/training"]]
    statement = document(modules, actions=[["iam:PassRole"]], resources=role)
    assert modules["rules"].passes_any_role(statement)
    lax = [{"test": ["StringEqualsIfExists"], "variable": ["iam:PassedToService"], "values": [["x"]]}]
    statement = document(modules, actions=[["iam:PassRole"]], resources=role, condition=lax)
    assert modules["rules"].passes_any_role(statement)


def test_passing_one_role_to_one_service_is_fine(modules: dict[str, Any]) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "arn:aws:iam::1:role/training",
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    }
    [read] = modules["statements"].of_json({"Statement": statement})
    assert not modules["rules"].passes_any_role(read)


@pytest.mark.parametrize("service", ["sagemaker.amazonaws.com", "lambda.amazonaws.com"])
def test_trust_in_sagemaker_and_lambda_must_name_the_account(modules: dict[str, Any], service: str) -> None:
    assert modules["rules"].trusts_any_account(trust(modules, service))
    assert not modules["rules"].trusts_any_account(trust(modules, service, condition=ACCOUNT))


def test_sagemaker_need_not_name_the_account_for_every_resource(modules: dict[str, Any]) -> None:
    lax = [{**ACCOUNT[0], "test": ["StringEqualsIfExists"]}]
    absent = [{**ACCOUNT[0], "test": ["Null"]}]
    assert not modules["rules"].trusts_any_account(trust(modules, "sagemaker.amazonaws.com", condition=lax))
    assert modules["rules"].trusts_any_account(trust(modules, "sagemaker.amazonaws.com", condition=absent))
    assert modules["rules"].trusts_any_account(trust(modules, "lambda.amazonaws.com", condition=lax))


def test_trust_in_ec2_need_not_name_the_account(modules: dict[str, Any]) -> None:
    assert not modules["rules"].trusts_any_account(trust(modules, "ec2.amazonaws.com"))


def test_a_service_from_a_loop_is_looked_up_in_it(modules: dict[str, Any]) -> None:
    statement = trust(modules, "each.value.service")
    assert modules["rules"].trusts_any_account(statement, [{"a": {"service": "lambda.amazonaws.com"}}])
    assert not modules["rules"].trusts_any_account(statement, [{"a": {"service": "ec2.amazonaws.com"}}])
    assert modules["rules"].trusts_any_account(statement, None)


def test_a_dynamic_condition_must_be_there_for_every_service(modules: dict[str, Any]) -> None:
    def when(text: str) -> Any:
        content = [{**ACCOUNT[0], "values": [["condition.value"]]}]
        dynamic = [{"condition": {"for_each": [text], "content": content}}]
        return trust(modules, "each.value.service", dynamic=dynamic)

    loop = [{"a": "lambda.amazonaws.com", "b": "sagemaker.amazonaws.com"}]
    both = "contains(['lambda.amazonaws.com', 'sagemaker.amazonaws.com'], each.value) ? [1] : []"
    assert not modules["rules"].trusts_any_account(when(both), loop)
    assert modules["rules"].trusts_any_account(when("contains(['lambda.amazonaws.com'], x) ? [1] : []"), loop)
    assert modules["rules"].trusts_any_account(when(""), loop)


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
def test_policies_that_the_audit_can_read(modules: dict[str, Any], policy: Any) -> None:
    assert modules["statements"].readable(policy)


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
def test_policies_that_the_audit_cannot_read(modules: dict[str, Any], policy: str) -> None:
    assert not modules["statements"].readable(policy)


def test_an_attachment_must_be_known_before_terraform_runs(modules: dict[str, Any]) -> None:
    unreadable = modules["statements"].unreadable_attachments
    assert unreadable({"policy_arn": ['var.policies["0"]']})
    assert unreadable({"managed_policy_arns": [["arn:aws:iam::aws:policy/${var.name}"]]})
    assert not unreadable({"policy_arn": ["aws_iam_policy.own.arn"]})
    assert not unreadable({"policy_arn": ["data.aws_iam_policy.core.arn"]})
    assert not unreadable({"policy_arn": ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]})


def test_actions_that_are_not_spelled_out_are_not_read_as_none(modules: dict[str, Any]) -> None:
    assert document(modules, actions=["var.actions"]).actions is None
    assert document(modules, actions=["concat(local.a, local.b)"]).actions is None
    assert document(modules, actions=["var.actions"]).unreadable
    assert document(modules, actions=[[]]).unreadable
    assert not document(modules, actions=[["s3:GetObject"]]).unreadable
    assert not document(modules, not_actions=[["s3:GetObject"]]).unreadable


def test_dynamic_statements_are_read_too(modules: dict[str, Any]) -> None:
    content = [{"actions": [["*"]], "resources": [["*"]]}]
    statements = modules["statements"].of_document(
        {"dynamic": [{"statement": {"for_each": ["x"], "content": content}}]}
    )
    assert [modules["rules"].grants_whole_service(statement) for statement in statements] == [True]


def test_inline_policies_are_policies(modules: dict[str, Any]) -> None:
    policy = json.dumps({"Statement": []})
    conf = {"inline_policy": [{"name": ["x"], "policy": [policy]}], "assume_role_policy": ["var.x"]}
    assert list(modules["statements"].policies(conf)) == ["var.x", policy]
