"""The document of the access proof: what ``audit.access --json`` prints and the page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kennel.audit.access.analysis import Access, GrantUse, RoleAccess

MOST_SHOWN = 20  # resources of a grant that is wider than its use


def as_dict(access: Access) -> dict[str, Any]:
    """Return the access of all roles as a JSON document."""
    roles = [_role(role) for role in access.roles]
    return {
        "ok": access.ok,
        "source": access.recording.source,
        "conditions": access.recording.conditions,
        "calls": sum(role["calls"] for role in roles),
        "denied": sum(role["denied"] for role in roles),
        "roles": roles,
        "mutation": mutation([use for role in access.roles for use in role.grants]),
        "findings": [asdict(finding) for finding in access.findings],
    }


def mutation(uses: Sequence[GrantUse]) -> dict[str, Any]:
    """Return of how many grants the removal makes a call fail, and how many of the others have a reason."""
    needed = sum(use.needed for use in uses)
    excepted = sum(use.exception is not None for use in uses)
    accounted = needed + excepted
    return {
        "grants": len(uses),
        "needed": needed,
        "excepted": excepted,
        "unexplained": len(uses) - accounted,
        "percent": round(100 * accounted / len(uses), 1) if uses else 100.0,
    }


def common_start(texts: Sequence[str]) -> str:
    """Return the text that all of some texts begin with."""
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((index for index, pair in pairs if len(set(pair)) > 1), len(first))]


def _role(access: RoleAccess) -> dict[str, Any]:
    called: dict[tuple[str, str], Counter[bool]] = {}
    for call, count in access.calls.items():
        called.setdefault((call.action, call.resource or "?"), Counter())[call.allowed] += count
    return {
        "role": access.role.key,
        "name": access.role.name,
        "calls": sum(access.calls.values()),
        "denied": access.denied,
        "called": [
            {"action": action, "resource": resource, "allowed": counts[True], "denied": counts[False]}
            for (action, resource), counts in sorted(called.items())
        ],
        **mutation(access.grants),
        "used": sum(bool(use.used) for use in access.grants),
        "unused": [_grant(use) for use in access.grants if not use.used],
        "wider": [
            {
                **_grant(use),
                "actions": sorted(use.actions),
                "resources": sorted(use.resources)[:MOST_SHOWN],
                "used_resources": len(use.resources),
            }
            for use in access.grants
            if use.wider
        ],
    }


def _grant(use: GrantUse) -> dict[str, Any]:
    exception = use.exception
    return {
        "action": use.grant.action,
        "resource": use.grant.resource,
        "statement": use.grant.sid,
        "reason": exception.reason if exception else None,
        "used_by": (exception.used_by or None) if exception else None,
    }
