"""Analyse policies with cloudsplaining, and with the rules in ``policies/`` for what it does not know.

A program of its own, which runs with the Python of checkov's environment: cloudsplaining is there, and its
boto3 is not the SDK's. It reads the request of `documents` from standard input and writes the answer.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

import escalations
import rules
import statements
import trusts
from cloudsplaining.scan.policy_document import PolicyDocument


def principal(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the policies of one principal allow together that they should not."""
    merged = [block for document in documents for block in _blocks(document)]
    if not merged:
        return {"everything": False, "services": [], "escalations": [], "unlimited": [], "writes_iam": False}
    analysis = PolicyDocument({"Version": "2012-10-17", "Statement": merged})
    read = statements.of_json({"Statement": merged})
    everything = any(
        statement.allows and (statement.not_actions or {"*", "*:*"} & set(statement.actions or []))
        for statement in read
    )
    paths = [_named(escalation["actions"]) for escalation in analysis.allows_privilege_escalation]
    paths += [frozenset(path) for path in escalations.escalations(read)]
    unlimited = {
        *analysis.write_actions_without_constraints,
        *analysis.permissions_management_without_constraints,
        *analysis.allows_data_exfiltration_actions,
    }
    return {
        "everything": everything,
        "services": [] if everything else analysis.service_wildcard,
        "escalations": [] if everything else sorted(map(sorted, _shortest(paths))),
        "unlimited": [] if everything else sorted(unlimited),
        "writes_iam": any(
            statement.grants(action)
            for statement in read
            for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:CreatePolicy")
        ),
    }


def _named(actions: list[str]) -> frozenset[str]:
    """Return cloudsplaining's actions, which are in small letters, as AWS spells them if that is known."""
    known = (escalations.PASSING, *escalations.ALONE, *escalations.WITH_PASSING)
    names = {name.lower(): name for name in known}
    return frozenset(names.get(action, action) for action in actions)


def _shortest(paths: list[frozenset[str]]) -> set[frozenset[str]]:
    """Return the combinations without those that contain another one."""
    return {path for path in paths if not any(other < path for other in paths)}


def trust(document: dict[str, Any], account: str) -> dict[str, Any]:
    """Return whom a trust policy lets in that it should not."""
    read = statements.of_json(document)
    return {
        "open_to": sorted({name for statement in read for name in trusts.open_to(statement, account)}),
        "without_source": any(rules.trusts_any_account(statement) for statement in read),
    }


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return the analyses of principals, trust policies, resources' policies and attachments."""
    return {
        "principals": {name: principal(documents) for name, documents in request["principals"].items()},
        "trusts": {name: trust(document, request["account"]) for name, document in request["trusts"].items()},
        "public": [
            name
            for name, document in request["resources"].items()
            if any(map(rules.lets_everyone_in, statements.of_json(document)))
        ],
        "broad": [arn for arn in request["attached"] if statements.broad_policy(arn)],
    }


def _blocks(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the statements that grant: cloudsplaining knows no NotResource."""
    blocks = document.get("Statement", [])
    return [block for block in (blocks if isinstance(blocks, list) else [blocks]) if isinstance(block, dict)]


if __name__ == "__main__":
    request = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):  # cloudsplaining prints notes
        result = answer(request)
    json.dump(result, sys.stdout)
