"""What AWS refuses when a policy is put, and the statements that explain a decision."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kennel.localcloud.policy.document import AccessRequest, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, evaluate
from kennel.localcloud.policy.explanation import determining_statements, missing_keys, statement_spans
from kennel.localcloud.policy.grammar import InvalidPolicyError, PolicyKind, check_document

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


def document(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("identity", ALLOW),
        (
            "identity",
            {**ALLOW, "Resource": ["arn:aws:sqs", "arn:aws-cn:s3:::a/*", "arn:aws:s3:::${aws:username}"]},
        ),
        ("identity", {"Effect": "Deny", "NotAction": ["s3:*", "*"], "NotResource": "arn:*:s3:::a"}),
        ("identity", {**ALLOW, "Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}}}),
        (
            "identity",
            {**ALLOW, "Condition": {"Null": {"aws:TagKeys": True}, "NumericEquals": {"s3:max-keys": 1}}},
        ),
        ("session", {**ALLOW, "Resource": ["*", "arn:aws:s3:::a"]}),
        ("trust", TRUST),
        ("resource", {**ALLOW, "Principal": "*"}),
        ("resource", {**ALLOW, "NotPrincipal": {"AWS": ["123456789012"]}}),
    ],
)
def test_what_aws_accepts_is_accepted(kind: PolicyKind, statement: dict[str, Any]) -> None:
    check_document(document(statement), kind)
    check_document(json.dumps({"Statement": statement}), kind)


@pytest.mark.parametrize(
    ("kind", "statement", "message"),
    [
        ("identity", {**ALLOW, "Resource": "bucket"}, "must be in ARN format"),
        ("identity", {**ALLOW, "Resource": "a*"}, "must be in ARN format"),
        ("identity", {**ALLOW, "Resource": "arn:aws:s*:::bucket"}, "cannot contain regexes"),
        ("identity", {**ALLOW, "Resource": "arn:aws:s?:::bucket"}, "cannot contain regexes"),
        ("identity", {**ALLOW, "Resource": "arn:error:s3:::bucket"}, 'Partition "error" is not valid'),
        ("identity", {**ALLOW, "Resource": []}, None),
        ("identity", {"Effect": "Allow", "Action": "s3:*"}, "must contain resources"),
        ("identity", {"Effect": "Allow", "Resource": "*"}, "must contain actions"),
        ("identity", {**ALLOW, "Action": "GetObject"}, "prefixed by a vendor"),
        ("identity", {**ALLOW, "Action": "s*:GetObject"}, "Vendor s"),
        ("identity", {**ALLOW, "Action": "s3:Get Object"}, "only one colon"),
        ("identity", {**ALLOW, "Action": 3}, "Syntax errors"),
        ("identity", {**ALLOW, "NotAction": "s3:*"}, "Syntax errors"),
        ("identity", {**ALLOW, "Effect": "allow"}, "Syntax errors"),
        ("identity", {**ALLOW, "effect": "Deny"}, "Syntax errors"),
        ("identity", {**ALLOW, "Principal": "*"}, "should not specify a principal"),
        ("identity", {**ALLOW, "Condition": {"StringMatches": {"aws:x": "a"}}}, "Invalid Condition type"),
        (
            "identity",
            {**ALLOW, "Condition": {"ForSome:StringLike": {"aws:x": "a"}}},
            "Invalid Condition type",
        ),
        ("identity", {**ALLOW, "Condition": {"NullIfExists": {"aws:x": "true"}}}, "Invalid Condition type"),
        ("identity", {**ALLOW, "Condition": {"StringLike": {"x": "a"}}}, "prefixed by a vendor"),
        ("identity", {**ALLOW, "Condition": {"StringLike": "aws:x"}}, "Syntax errors"),
        ("identity", {**ALLOW, "Condition": {"StringLike": {"aws:x": {"a": 1}}}}, "Syntax errors"),
        ("session", {**ALLOW, "Resource": "arn:aws:sqs"}, "complete ARN"),
        ("session", {**ALLOW, "Principal": "*"}, "should not specify a principal"),
        ("trust", {**TRUST, "Resource": "*"}, "prohibited field Resource"),
        ("trust", {"Effect": "Allow", "Action": "sts:AssumeRole"}, "field Principal"),
        ("trust", {**TRUST, "Principal": {"Role": "x"}}, "Invalid principal"),
        (
            "resource",
            {**ALLOW, "Principal": {"AWS": "arn:aws:iam::123456789012:role/*"}},
            "Invalid principal",
        ),
        ("resource", ALLOW, "field Principal"),
    ],
)
def test_what_aws_refuses_is_refused(
    kind: PolicyKind, statement: dict[str, Any], message: str | None
) -> None:
    if message is None:  # an empty list names nothing, which AWS accepts
        check_document(document(statement), kind)
        return
    with pytest.raises(InvalidPolicyError, match=message):
        check_document(document(statement), kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"Version": "2012-10-17"}',
        document(),
        document(ALLOW, Version="2020-01-01"),
        document(ALLOW, Extra=1),
        document({**ALLOW, "Sid": "a"}, {**ALLOW, "Sid": "a"}),
        "[" * 100_000,
    ],
)
def test_a_document_without_the_form_of_a_policy_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicyError):
        check_document(text, "identity")


def test_statements_are_found_in_the_text() -> None:
    text = '{\n "Version": "2012-10-17", "Statement" : [ {"Sid": "]{"},\n  {"Sid": "b"} ] }'
    assert [text[start:end] for start, end in statement_spans(text)] == ['{"Sid": "]{"}', '{"Sid": "b"}']
    assert statement_spans('{"Statement": []}') == []
    assert statement_spans('{"Statement": {}, "Id": "x"}') == [(14, 16)]


def test_a_decision_is_explained_by_the_statements_that_determine_it() -> None:
    deny = {**ALLOW, "Effect": "Deny", "Resource": "arn:aws:s3:::x"}
    lines = ",\n".join(json.dumps(statement) for statement in (ALLOW, {**ALLOW, "Action": "sqs:*"}, deny))
    text = f'{{"Statement": [\n{lines}\n]}}'
    policies = PrincipalPolicies([parse(text, "PolicyInputList.1")])

    def explained(action: str, resource: str) -> tuple[str, list[int]]:
        request = AccessRequest(action, resource)
        decision = evaluate(request, policies)
        statements = determining_statements(request, decision, policies)
        return decision.result, [statement.start.line for statement in statements]

    assert explained("s3:GetObject", "arn:aws:s3:::y") == ("allowed", [2])
    assert explained("s3:GetObject", "arn:aws:s3:::x") == ("explicitDeny", [4])
    assert explained("sns:Publish", "*") == ("implicitDeny", [])


def test_the_keys_that_a_simulation_lacks_are_named() -> None:
    statement = {
        **ALLOW,
        "Resource": "arn:aws:s3:::${aws:PrincipalTag/team}/${aws:username, 'none'}/${*}",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"s3:prefix": "a"}},
    }
    policy = parse(document(statement))
    assert missing_keys([policy], {"s3:prefix": "a"}) == [
        "aws:PrincipalTag/team",
        "aws:SecureTransport",
        "aws:username",
    ]
