"""The decision, case by case: policies of each type, a caller, and what IAM decides for s3:GetObject."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.localcloud.policy.document import AccessRequest, Policy, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, ResourcePolicy, evaluate
from kennel.localcloud.policy.principal import ANONYMOUS, Principal, service_principal

CASES = json.loads(Path(__file__).with_name("decisions.json").read_text())
ACCOUNT = "123456789012"
PRINCIPALS = {
    "role": Principal(
        "role",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session",
        account=ACCOUNT,
        name="worker",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/worker",
        unique_id="AROAWORKER:session",
    ),
    "operator": Principal("operator", f"arn:aws:iam::{ACCOUNT}:user/operator", account=ACCOUNT),
    "anonymous": ANONYMOUS,
    "service": service_principal("lambda.amazonaws.com"),
}


def policy(statements: list[dict[str, Any]] | None) -> Policy | None:
    if statements is None:
        return None
    return parse(json.dumps({"Version": "2012-10-17", "Statement": statements}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_decision_and_its_reason(case: dict[str, Any]) -> None:
    request = AccessRequest(
        "s3:GetObject",
        "arn:aws:s3:::photos/dog.jpg",
        {"aws:securetransport": "true"},
        PRINCIPALS[case.get("principal", "role")],
    )
    policies = {kind: policy(statements) for kind, statements in case["policies"].items()}
    identity, resource = policies.get("identity"), policies.get("resource")
    session, organization = policies.get("session"), policies.get("organization")
    decision = evaluate(
        request,
        PrincipalPolicies(
            [identity] if identity else [],
            policies.get("boundary"),
            [session] if session else None,
            [[organization]] if organization else [],
        ),
        ResourcePolicy(resource, required=case.get("required", False)) if resource else None,
    )
    assert (decision.result, decision.reason) == (case["decision"], case["reason"])
