"""What a public bucket policy is: S3 user guide, "Blocking public access", "The meaning of 'public'"."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kennel.localcloud.policy.document import parse
from kennel.localcloud.policy.public import is_public

ANYBODY: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
CASES: list[tuple[bool, dict[str, Any]]] = [
    (True, {}),
    (True, {"Principal": {"AWS": "*"}}),
    (True, {"Principal": {"AWS": ["123456789012", "*"]}}),
    (False, {"Principal": {"AWS": "123456789012"}}),
    (False, {"Principal": {"Service": "logging.s3.amazonaws.com"}}),
    (False, {"Effect": "Deny"}),
    # the guide's own examples: a fixed VPC is not public, one with a wildcard is
    (False, {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}}),
    (True, {"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}),
    (True, {"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-91237329"}}}),
    (True, {"Condition": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}}}),
    (True, {"Condition": {"ForAllValues:StringEquals": {"aws:SourceVpc": "vpc-91237329"}}}),
    (True, {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
    (True, {"Condition": {"StringEquals": {"s3:prefix": "public/"}}}),
    (False, {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}}),
    (True, {"Condition": {"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}}),
    (False, {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:topic"}}}),
    (True, {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}}),
    (False, {"Condition": {"IpAddress": {"aws:SourceIp": "54.240.143.0/24"}}}),
    (True, {"Condition": {"IpAddress": {"aws:SourceIp": ["54.240.143.0/24", "0.0.0.0/1"]}}}),
    (True, {"Condition": {"IpAddress": {"aws:SourceIp": "2000::/3"}}}),
    (True, {"Condition": {"NotIpAddress": {"aws:SourceIp": "54.240.143.0/24"}}}),
    (False, {"Condition": {"StringLike": {"aws:userid": "AROAEXAMPLEID:*"}}}),
    (
        False,
        {
            "Condition": {
                "StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-west-2:123456789012:accesspoint/*"}
            }
        },
    ),
]


@pytest.mark.parametrize(("public", "elements"), CASES)
def test_a_policy_is_public_unless_all_that_it_allows_is_held_to_fixed_values(
    public: bool, elements: dict[str, Any]
) -> None:
    closed = {**ANYBODY, "Principal": {"AWS": "123456789012"}}
    document = {"Version": "2012-10-17", "Statement": [closed, {**ANYBODY, **elements}]}
    assert is_public(parse(json.dumps(document), "bucket policy")) is public


def test_all_but_some_are_anybody() -> None:
    document = {"Statement": {**ANYBODY, "NotPrincipal": {"AWS": "123456789012"}}}
    document["Statement"].pop("Principal")
    assert is_public(parse(json.dumps(document), "bucket policy"))
