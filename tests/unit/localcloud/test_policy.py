"""Policy evaluation: properties of every policy; edge cases of patterns, conditions and principals."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kennel.localcloud.policy.conditions import UnknownOperator, matches_condition
from kennel.localcloud.policy.document import AccessRequest, Policy, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, ResourcePolicy, evaluate
from kennel.localcloud.policy.patterns import matches, matches_arn, matches_resource
from kennel.localcloud.policy.principal import Principal, service_principal

ACCOUNT = "123456789012"
ROLE = Principal(
    "role",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session",
    account=ACCOUNT,
    name="worker",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/worker",
    unique_id="AROAWORKER:session",
)

actions = st.sampled_from(["s3:GetObject", "s3:PutObject", "kms:Decrypt", "sagemaker:InvokeEndpoint"])
resources = st.sampled_from(
    ["arn:aws:s3:::a/k", "arn:aws:s3:::b/k", "arn:aws:kms:us-east-1:123456789012:key/1"]
)
conditions = st.sampled_from(
    [
        {},
        {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
        {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}},
        {"Bool": {"aws:SecureTransport": "false"}},
        {"Null": {"aws:PrincipalTag/team": "true"}},
        {"NoSuchOperator": {"aws:SecureTransport": "true"}},
    ]
)
statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(actions | st.sampled_from(["*", "s3:*", "S3:get*"]), min_size=1, max_size=2),
        "Resource": resources | st.sampled_from(["*", "arn:aws:s3:::*", "arn:aws:s3:::a/*"]),
        "Condition": conditions,
    }
)
requests = st.builds(
    AccessRequest,
    action=actions,
    resource=resources,
    context=st.just({"aws:requestedregion": "us-east-1", "aws:securetransport": "true"}),
    principal=st.just(ROLE),
)


def policy(*items: dict[str, Any], version: str = "2012-10-17") -> Policy:
    return parse(json.dumps({"Version": version, "Statement": list(items)}))


def allowed(request: AccessRequest, *items: dict[str, Any]) -> bool:
    return evaluate(request, PrincipalPolicies([policy(*items)])).allowed


@given(requests, st.lists(statements, max_size=5), st.integers(0, 5))
def test_a_matching_deny_always_wins(
    request: AccessRequest, items: list[dict[str, Any]], position: int
) -> None:
    deny = {"Effect": "Deny", "Action": request.action, "Resource": request.resource}
    assert not allowed(request, *items[:position], deny, *items[position:])


@given(requests, st.lists(statements, max_size=5), statements)
def test_adding_a_deny_never_allows(
    request: AccessRequest, items: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    if not allowed(request, *items):
        assert not allowed(request, *items, {**more, "Effect": "Deny"})


@given(requests, st.lists(statements, max_size=5), statements)
def test_taking_an_allow_away_never_allows(
    request: AccessRequest, items: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    if allowed(request, *items):
        assert allowed(request, *items, {**more, "Effect": "Allow"})


@given(requests, st.lists(statements, max_size=4))
def test_the_order_of_statements_does_not_matter(request: AccessRequest, items: list[dict[str, Any]]) -> None:
    assert len({allowed(request, *order) for order in itertools.permutations(items)}) == 1


@given(requests, st.lists(statements, max_size=4), st.lists(statements, max_size=4))
def test_a_boundary_and_a_session_policy_only_take_away(
    request: AccessRequest, items: list[dict[str, Any]], limits: list[dict[str, Any]]
) -> None:
    identity, limit = [policy(*items)], policy(*limits)
    bare = evaluate(request, PrincipalPolicies(identity)).allowed
    within = evaluate(request, PrincipalPolicies(identity, boundary=limit)).allowed
    in_session = evaluate(request, PrincipalPolicies(identity, session=[limit])).allowed
    expected = bare and evaluate(request, PrincipalPolicies([limit])).allowed
    assert within is in_session is expected


@given(requests)
def test_nothing_is_allowed_by_default(request: AccessRequest) -> None:
    assert not evaluate(request, PrincipalPolicies()).allowed


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_pattern_without_wildcards_matches_itself_only(left: str, right: str) -> None:
    plain = not set(left) & set("*?")
    assert not plain or matches(left, right) is (left == right)


@given(st.text(alphabet="ab*?.[]\\", max_size=8), st.text(alphabet="ab.[]\\", max_size=8))
def test_wildcards_are_the_only_special_characters(pattern: str, value: str) -> None:
    def reference(pattern: str, value: str) -> bool:
        if not pattern:
            return not value
        if pattern[0] == "*":
            return any(reference(pattern[1:], value[i:]) for i in range(len(value) + 1))
        return bool(value) and pattern[0] in ("?", value[0]) and reference(pattern[1:], value[1:])

    assert matches(pattern, value) is reference(pattern, value)


def test_many_stars_are_matched_in_little_time() -> None:
    assert not matches("*" * 5000 + "b", "a" * 5000)


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c", True),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket/a", False),
        ("arn:aws:sqs:*:123456789012:q", "arn:aws:sqs:eu-west-1:123456789012:q", True),
        ("arn:aws:sqs:*:q", "arn:aws:sqs:eu-west-1:123456789012:q", False),  # completed: arn:aws:sqs:*:q:*
        ("arn:aws:logs:r:*:log-stream:x", "arn:aws:logs:r:1:log-group:/a:log-stream:x", True),
        ("arn:aws:logs:r:1*:log-stream:x", "arn:aws:logs:r:1:log-group:/a:log-stream:x", True),
        ("arn:aws:logs:r:*1:log-stream:x", "arn:aws:logs:r:1:log-group:/a:log-stream:x", False),
        ("arn:aws:sqs:*-1:q", "arn:aws:sqs:eu-west-1:123456789012:q", False),
        ("arn:aws:sqs:e*1:123456789012:q", "arn:aws:sqs:eu-west-1:123456789012:q", True),
        ("arn:aws:sqs:?:q", "arn:aws:sqs:eu-west-1:123456789012:q", False),
        ("arn:aws:sqs:*:*:*:q", "arn:aws:sqs:eu-west-1:123456789012:q", False),
        ("arn:aws:logs:*:*:log-group:*:log-stream:x", "arn:aws:logs:r:1:log-group:/a:log-stream:x", True),
        ("arn:aws:sqs", "arn:aws:sqs:eu-west-1:123456789012:q", True),
        ("arn:aws:sqs:eu-west-1", "arn:aws:sqs:eu-west-1:123456789012:q", True),
        ("arn:aws:sqs:eu-west-2", "arn:aws:sqs:eu-west-1:123456789012:q", False),
        ("arn:aws:sns", "arn:aws:sqs:eu-west-1:123456789012:q", False),
        ("s3:::bucket", "arn:aws:s3:::bucket", False),
        (
            "arn:aws:logs:us-east-1:1:log-group:/a:*",
            "arn:aws:logs:us-east-1:1:log-group:/a:log-stream:x",
            True,
        ),
        (
            "arn:aws:logs:us-east-1:1:log-group:/a",
            "arn:aws:logs:us-east-1:1:log-group:/a:log-stream:x",
            False,
        ),
        ("arn:aws:s3:::BUCKET/*", "arn:aws:s3:::bucket/a", False),
        ("arn:aws:s3:::${aws:username}/*", "arn:aws:s3:::ada/a", True),
        ("arn:aws:s3:::${aws:username}/*", "arn:aws:s3:::bob/a", False),
        ("arn:aws:s3:::x/${aws:PrincipalTag/team}/*", "arn:aws:s3:::x//a", False),
        ("arn:aws:s3:::x/${aws:PrincipalTag/team, 'none'}/*", "arn:aws:s3:::x/none/a", True),
        ("arn:aws:s3:::x/${*}", "arn:aws:s3:::x/a", False),
        ("arn:aws:s3:::x/${*}", "arn:aws:s3:::x/*", True),
        ("*", "*", True),
        ("arn:aws:s3:::*", "*", False),
    ],
)
def test_the_arns_of_resource_elements_match(pattern: str, arn: str, expected: bool) -> None:
    assert matches_resource(pattern, arn, {"aws:username": "ada"}) is expected


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        (
            "arn:aws:x:*:111122223333:finance/*",
            "arn:aws:x:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
            False,
        ),
        ("arn:aws:sqs:*:123456789012:q*", "arn:aws:sqs:eu-west-1:123456789012:q", True),
        ("arn:aws:sqs:*:q", "arn:aws:sqs:eu-west-1:123456789012:q", False),
        ("arn:aws:sqs", "arn:aws:sqs:eu-west-1:123456789012:q", False),
        ("arn:aws:iam::*:role/${aws:username}", "arn:aws:iam::123456789012:role/ada", True),
    ],
)
def test_the_arns_of_conditions_match_segment_by_segment(pattern: str, arn: str, expected: bool) -> None:
    assert matches_arn(pattern, arn, {"aws:username": "ada"}) is expected


@given(
    st.lists(st.sampled_from(["*", "a", "?", "b*", "*b", ""]), min_size=6, max_size=6),
    st.lists(st.sampled_from(["a", "b", "ab", "ba", ""]), min_size=6, max_size=9),
)
def test_a_final_star_alone_goes_beyond_its_segment(segments: list[str], values: list[str]) -> None:
    def reference(pattern: str, value: str, segment: int) -> bool:
        if not pattern:
            return not value
        rest, last = pattern[1:], segment == len(segments) - 1
        if pattern[0] == "*":
            crosses = last or not rest or rest[0] == ":"
            ends = (end for end in range(len(value) + 1) if crosses or ":" not in value[:end])
            return any(reference(rest, value[end:], segment) for end in ends)
        if not value or (pattern[0] == "?" and value[0] == ":" and not last):
            return False
        colon = pattern[0] == ":" and not last
        return pattern[0] in ("?", value[0]) and reference(rest, value[1:], segment + colon)

    pattern, value = ":".join(["arn", *segments[1:]]), ":".join(["arn", *values[1:]])
    assert matches_resource(pattern, value, {}) is reference(pattern, value, 0)


def test_hostile_patterns_are_matched_in_little_time() -> None:
    assert not matches("a*" * 40 + "c", "a" * 200)
    assert not matches_resource("arn:aws:s3:*:*:" + "a*" * 40 + "c", "arn:aws:s3:::" + "a:" * 100, {})


def test_a_variable_s_value_is_no_pattern() -> None:
    pattern = "arn:aws:s3:::${aws:username}"
    assert not matches_resource(pattern, "arn:aws:s3:::anything", {"aws:username": "*"})


def test_policies_of_2008_have_no_variables() -> None:
    item = {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:username}"}
    request = AccessRequest("s3:ListBucket", "arn:aws:s3:::ada", {"aws:username": "ada"})
    assert policy(item).matching("Allow", request)
    assert not policy(item, version="2008-10-17").matching("Allow", request)


CONTEXT: dict[str, str | list[str]] = {
    "aws:requestedregion": "us-east-1",
    "aws:securetransport": "true",
    "aws:sourceip": "127.0.0.1",
    "aws:currenttime": "2026-03-01T12:00:00Z",
    "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:role/worker",
    "s3:max-keys": "10",
    "aws:tagkeys": ["team", "cost"],
    "empty": [],
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}, True),
        ({"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "US-EAST-1"}}, False),
        ({"StringEqualsIgnoreCase": {"aws:RequestedRegion": "US-EAST-1"}}, True),
        ({"StringLike": {"aws:RequestedRegion": "us-*"}}, True),
        ({"StringNotLike": {"aws:RequestedRegion": "us-*"}}, False),
        ({"StringEquals": {"absent": "x"}}, False),
        ({"StringNotEquals": {"absent": "x"}}, True),
        ({"StringEqualsIfExists": {"absent": "x"}}, True),
        ({"StringEqualsIfExists": {"aws:RequestedRegion": "x"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"Bool": {"aws:SecureTransport": True}}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
        ({"Null": {"aws:MultiFactorAuthPresent": "true"}}, True),
        ({"Null": {"aws:SecureTransport": "true"}}, False),
        ({"Null": {"aws:SecureTransport": False}}, True),
        ({"NumericLessThanEquals": {"s3:max-keys": 10}}, True),
        ({"NumericLessThan": {"s3:max-keys": "10"}}, False),
        ({"NumericNotEquals": {"s3:max-keys": "11"}}, True),
        ({"NumericEquals": {"aws:RequestedRegion": "10"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8"]}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"IpAddress": {"aws:SourceIp": "nonsense"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/255.0.0.0"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-02"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-03"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-02-28T23:59Z"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "20260201"}}, True),  # a number: seconds since 1970
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-W01"}}, False),
        ({"NumericEquals": {"s3:max-keys": "1_0"}}, False),
        ({"NumericNotEquals": {"s3:max-keys": "nan"}}, True),
        ({"NumericEquals": {"s3:max-keys": "${s3:max-keys}"}}, False),
        ({"IpAddress": {"aws:SourceIp": "${aws:SourceIp}"}}, False),
        ({"StringEquals": {"aws:TagKeys": ["team", "cost"]}}, False),  # "require a condition set operator"
        ({"StringNotEquals": {"aws:TagKeys": "other"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/w*"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/x*"}}, False),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/w*"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost", "more"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}, False),
        ({"ForAllValues:StringEquals": {"empty": ["team"]}}, True),
        ({"ForAllValues:StringEquals": {"absent": ["team"]}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["other"]}}, False),
        ({"ForAnyValue:StringEquals": {"absent": ["team"]}}, False),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["team"]}}, True),
        (
            {"StringEquals": {"aws:RequestedRegion": "us-east-1"}, "Bool": {"aws:SecureTransport": "false"}},
            False,
        ),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1", "absent": "x"}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "${aws:RequestedRegion}"}}, True),
    ],
)
def test_conditions_match_as_the_user_guide_says(condition: dict[str, Any], expected: bool) -> None:
    assert matches_condition(condition, CONTEXT) is expected


def test_an_unknown_operator_fails_closed() -> None:
    with pytest.raises(UnknownOperator):
        matches_condition({"StringMatches": {"aws:RequestedRegion": "us-east-1"}}, CONTEXT)
    broken = {"Action": "*", "Resource": "*", "Condition": {"StringMatches": {"a": "b"}}}
    request = AccessRequest("s3:GetObject", "arn:aws:s3:::a/k", CONTEXT)
    assert not policy({"Effect": "Allow", **broken}).matching("Allow", request)
    assert policy({"Effect": "Deny", **broken}).matching("Deny", request)


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"Principal": "*"}, "everybody"),
        ({"Principal": {"AWS": "*"}}, "everybody"),
        ({"Principal": {"AWS": ACCOUNT}}, "account"),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, "account"),
        ({"Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", ROLE.role_arn]}}, "role"),
        ({"Principal": {"AWS": "AROAWORKER"}}, "role"),
        ({"Principal": {"AWS": ROLE.arn}}, "itself"),
        ({"Principal": {"AWS": "arn:aws:iam::210987654321:root"}}, None),
        ({"Principal": {"Service": "sagemaker.amazonaws.com"}}, None),
        ({"Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "*"]}}, "everybody"),
        ({"Principal": {"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]}}, "everybody"),
        ({"Principal": {"AWS": [ROLE.role_arn, "*"]}}, "everybody"),
        ({"Principal": {"AWS": ["*", ROLE.arn]}}, "itself"),
        ({"Principal": {"AWS": ACCOUNT, "Service": "sagemaker.amazonaws.com"}}, "account"),
        ({"NotPrincipal": {"AWS": ROLE.role_arn}}, None),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::210987654321:root"}}, "everybody"),
        ({}, None),
    ],
)
def test_a_statement_matches_a_session(element: dict[str, Any], expected: str | None) -> None:
    (statement,) = policy({"Effect": "Allow", "Action": "*", **element}).statements
    assert statement.match_principal(ROLE) == expected


def test_a_trust_policy_may_require_the_source_account() -> None:
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    )
    required = ResourcePolicy(trust, required=True)

    def may_assume(service: str, **context: str) -> bool:
        request = AccessRequest("sts:AssumeRole", ROLE.role_arn, context, service_principal(service))
        return evaluate(request, PrincipalPolicies(), required).allowed

    assert may_assume("sagemaker.amazonaws.com", **{"aws:sourceaccount": ACCOUNT})
    assert not may_assume("sagemaker.amazonaws.com", **{"aws:sourceaccount": "210987654321"})
    assert not may_assume("sagemaker.amazonaws.com")
    assert not may_assume("lambda.amazonaws.com", **{"aws:sourceaccount": ACCOUNT})


def test_a_document_that_is_no_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="not a policy document"):
        parse('{"Version": "2012-10-17"}')
