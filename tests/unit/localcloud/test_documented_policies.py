"""Policies that AWS's documentation has as examples, and what it says that they allow and deny.

``documented_policies.json`` holds each policy's elements, as far as the requests need them, with names and
accounts filled in. ``beside_full_access`` stands for the documents' remark that a policy of denies is used
beside others that allow.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.localcloud.authorization.context import principal_context
from kennel.localcloud.policy.document import AccessRequest, Policy, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, ResourcePolicy, evaluate
from kennel.localcloud.policy.principal import ANONYMOUS, Principal, service_principal

CASES = json.loads(Path(__file__).with_name("documented_policies.json").read_text(encoding="utf-8"))
ACCOUNT = "123456789012"
FULL_ACCESS = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
LEAST_POLICIES, LEAST_REQUESTS = 100, 300


def principal(kind: str = "user", name: str = "anybody", tags: dict[str, str] | None = None) -> Principal:
    if kind == "anonymous":
        return ANONYMOUS
    if kind == "service":
        return service_principal(name)
    arns = {
        "user": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "role": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session",
    }
    return Principal(
        "role" if kind == "role" else "user",
        arns[kind],
        account=ACCOUNT,
        name=name,
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/{name}" if kind == "role" else "",
        unique_id=f"AROA{name}:session" if kind == "role" else f"AIDA{name}",
        tags=tags or {},
    )


def policy(statements: list[dict[str, Any]]) -> Policy:
    return parse(json.dumps({"Version": "2012-10-17", "Statement": statements}))


def decision(case: dict[str, Any], request: dict[str, Any]) -> str:
    """Return what is decided of one request of a case."""
    caller = principal(**(request.get("principal") or case.get("principal") or {}))
    context = {key.lower(): value for key, value in request.get("context", {}).items()}
    policies = {kind: policy(statements) for kind, statements in case["policies"].items()}
    identity = [policies["identity"]] if "identity" in policies else []
    if case.get("beside_full_access"):
        identity.append(policy(FULL_ACCESS))
    return evaluate(
        AccessRequest(
            request["action"], request["resource"], {**principal_context(caller), **context}, caller
        ),
        PrincipalPolicies(
            identity,
            policies.get("boundary"),
            [policies["session"]] if "session" in policies else None,
            [[policies["organization"]]] if "organization" in policies else [],
        ),
        ResourcePolicy(policies["resource"], required=case.get("required", False))
        if "resource" in policies
        else None,
    ).result


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['document'].split('/')[-1]}: {case['case']}")
def test_a_documented_policy_decides_as_documented(case: dict[str, Any]) -> None:
    expected = [request["decision"] for request in case["requests"]]
    assert [decision(case, request) for request in case["requests"]] == expected


def test_there_are_many() -> None:
    assert len(CASES) >= LEAST_POLICIES
    assert sum(len(case["requests"]) for case in CASES) >= LEAST_REQUESTS
    assert all(case["document"].startswith("https://docs.aws.amazon.com/") for case in CASES)
