"""Findings of the access proof: denied calls, needless grants, exceptions without use."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kennel.audit.access.exceptions import AccessException
from kennel.audit.access.grants import Grant, allows
from kennel.audit.access.recorded import Call, Evaluator
from kennel.audit.access.roles import Role

# How the local cloud says that a role's own policies are why a call was denied.
BY_NO_IDENTITY_POLICY = "because no identity-based policy"


@dataclass(frozen=True)
class Finding:
    """Something that must be changed, in the policies or in the file of exceptions.

    Attributes
    ----------
    kind
        ``denied``, ``lost``, ``unused``, ``redundant`` or ``stale``.
    role
        The role's key.
    """

    kind: str
    role: str
    action: str
    resource: str
    message: str

    def __str__(self) -> str:
        """Return the finding in one line."""
        return f"{self.role}: {self.kind}: {self.action} on {self.resource}: {self.message}"


def of_denials(
    role: Role, calls: Mapping[Call, int], exceptions: Sequence[AccessException], evaluate: Evaluator
) -> list[Finding]:
    """Return the denied calls that were not allowed later, that no exception expects, and that still fail."""
    last_allowed: dict[tuple[str, str | None], str] = {}
    for call in calls:
        if call.allowed:
            key = (call.action, call.resource)
            last_allowed[key] = max(call.time, last_allowed.get(key, ""))
    findings = []
    for call, count in calls.items():
        if call.allowed or last_allowed.get((call.action, call.resource), "") > call.time:
            continue
        resource = call.resource or "?"
        if any(item.covers("denied", role.key, call.action, resource) for item in exceptions):
            continue
        if call.reason.startswith(BY_NO_IDENTITY_POLICY) and allows(role.documents, call, evaluate):
            continue  # the policies have been corrected since
        findings.append(Finding("denied", role.key, call.action, resource, f"{count} times, {call.reason}"))
    return findings


def of_lost_calls(role: Role, calls: Mapping[Call, int], evaluate: Evaluator) -> list[Finding]:
    """Return the calls that were allowed, and that the present policies deny."""
    documents = role.documents
    return [
        Finding(
            "lost",
            role.key,
            call.action,
            call.resource or "?",
            f"allowed {count} times when it was recorded, and denied by the present policies",
        )
        for call, count in calls.items()
        if call.allowed and call.by_identity and not allows(documents, call, evaluate)
    ]


def of_grants(role: Role, grants: Sequence[tuple[Grant, int, bool]]) -> list[Finding]:
    """Return the grants that nothing called, or without which no call fails.

    Parameters
    ----------
    grants
        Each with its number of calls, and whether a call fails without it or an exception says why it stays.
    """
    return [
        Finding(
            "redundant" if used else "unused",
            role.key,
            grant.action,
            grant.resource,
            f"{grant.sid}: {used} calls, which other grants allow too" if used else f"{grant.sid}: no call",
        )
        for grant, used, accounted in grants
        if not accounted
    ]


def of_exceptions(
    exceptions: Sequence[AccessException],
    grants: Mapping[str, Sequence[tuple[Grant, bool]]],
    denied: Sequence[tuple[str, Call]],
) -> list[Finding]:
    """Return the actions of exceptions that excuse nothing.

    What is used, or denied, only when something happens may be so or not: such an exception is without use
    only if there is no such grant.

    Parameters
    ----------
    grants
        By the role's key: each grant, and whether a call fails without it.
    denied
        The denied calls with the roles' keys.
    """
    findings = []
    for item in exceptions:
        for role, action in itertools.product(item.roles, item.actions):
            if role not in grants:
                continue  # not a role of this stack
            single = replace(item, roles=(role,), actions=(action,))
            if item.kind == "denied":
                used = bool(item.used_by) or any(
                    single.covers("denied", key, call.action, call.resource or "?") for key, call in denied
                )
            else:
                used = any(
                    single.covers("grant", role, grant.action, grant.resource)
                    and (not needed or item.used_by)
                    for grant, needed in grants[role]
                )
            if not used:
                what = "call was denied" if item.kind == "denied" else "grant is without a use"
                message = f"the exception excuses nothing: no such {what}; remove it"
                findings.append(Finding("stale", role, action, ", ".join(item.resources), message))
    return findings
