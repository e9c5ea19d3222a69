"""The tightest policy: what was called, on what it was called on, and what has a reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kennel.audit import AuditError
from kennel.audit.access.analysis import Access, GrantUse, RoleAccess
from kennel.audit.access.findings import of_lost_calls
from kennel.audit.access.grants import EVERYTHING, without_conditions
from kennel.audit.access.recorded import Evaluator
from kennel.audit.access.summary import common_start

MOST_RESOURCES = 10  # of one pattern that are named one by one; of more, only what they begin with
_SPECIAL = set("*?$")  # what a policy does not take literally


def tightest(access: RoleAccess) -> list[dict[str, Any]]:
    """Return the tightest documents of a role, one for each of its policies, in their order.

    Denials stay as they are, and so do grants that an exception gives a reason for. A statement whose actions
    were called on different resources is divided.
    """
    kept = list(_kept(access.grants))
    documents = []
    for index, policy in enumerate(access.role.policies):
        statements: list[dict[str, Any]] = []
        for number, statement in enumerate(policy.statements):
            if statement["Effect"] != "Allow":
                statements.append(dict(statement))
                continue
            uses = [use for use in kept if (use.grant.policy, use.grant.statement) == (index, number)]
            statements += _statements(statement, uses)
        documents.append({**policy.document, "Statement": statements})
    return documents


def _kept(uses: Iterable[GrantUse]) -> Iterable[GrantUse]:
    """Yield the grants without those whose calls the others allow: of two that allow the same, the first."""
    allowed: set[tuple[str, str]] = set()
    for use in uses:
        if use.needed or use.exception or not set(use.calls) <= allowed:
            allowed |= set(use.calls)
            yield use


def _statements(statement: Mapping[str, Any], uses: list[GrantUse]) -> list[dict[str, Any]]:
    """Return a statement with what was used of it: one for each set of resources."""
    negated = next((use for use in uses if use.grant.action.startswith("Not")), None)
    if negated or any(use.grant.resource.startswith("Not") for use in uses):
        return [dict(statement)]  # what is excluded cannot be divided
    resources_of: dict[str, set[str]] = {}
    for use in uses:
        actions = [use.grant.action] if use.exception or not use.actions else list(use.actions)
        for action in actions:
            resources_of.setdefault(action, set()).update(_narrowed(use, action))
    grouped: dict[tuple[str, ...], list[str]] = {}
    for action, resources in resources_of.items():
        grouped.setdefault(tuple(sorted(resources)), []).append(action)
    sid = statement.get("Sid")
    return [
        {
            **statement,
            **({"Sid": f"{sid}{number}" if number > 1 else sid} if sid else {}),
            "Action": _element(sorted(actions)),
            "Resource": _element(list(resources)),
        }
        for number, (resources, actions) in enumerate(grouped.items(), 1)
    ]


def _element(values: list[str]) -> str | list[str]:
    """Return the values as Terraform writes them: one without a list."""
    return values if len(values) > 1 else values[0]


def _narrowed(use: GrantUse, action: str) -> list[str]:
    """Return the resources that an action was called on, where the grant's own pattern is wider."""
    pattern = use.grant.resource
    resources = sorted({resource for called, resource in use.calls if called == action})
    if use.exception or not _SPECIAL & set(pattern) or not resources:
        return [pattern]
    if any(resource == "?" or _SPECIAL & set(resource) for resource in resources):
        return [pattern]
    if len(resources) <= MOST_RESOURCES:
        return resources
    return [f"{common_start(resources)}{EVERYTHING}"]


def write(folder: Path, access: Access, evaluate: Evaluator) -> list[Path]:
    """Write each policy as it is and as it could be: ``ROLE.POLICY.present.json`` and ``….tightest.json``.

    Raises
    ------
    AuditError
        A call that was allowed would be denied: the narrowed policies are wrong, and none of the role's is
        written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for role_access in access.roles:
        present = role_access.role
        policies = zip(present.policies, tightest(role_access), strict=True)
        narrowed = replace(present, policies=tuple(replace(old, document=new) for old, new in policies))
        evaluated = narrowed if access.recording.conditions else without_conditions(narrowed)
        lost = of_lost_calls(evaluated, role_access.calls, evaluate)
        if lost:
            raise AuditError(
                f"a narrower policy would deny what was allowed: {lost[0]}: keep the present one"
            )
        for kind, role in (("present", present), ("tightest", narrowed)):
            for policy in role.policies:
                path = folder / f"{role.key}.{policy.name}.{kind}.json"
                path.write_text(json.dumps(policy.document, indent=2) + "\n", encoding="utf-8")
                written.append(path)
    return written
