"""The analysis: each grant of each role against each recorded call, and each call without the grant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kennel.audit.access.exceptions import AccessException
from kennel.audit.access.findings import Finding, of_denials, of_exceptions, of_grants, of_lost_calls
from kennel.audit.access.grants import (
    Grant,
    allows,
    document,
    documents_without,
    grants_of,
    without_conditions,
)
from kennel.audit.access.recorded import Call, Evaluator, Recording
from kennel.audit.access.roles import Role


@dataclass(frozen=True)
class GrantUse:
    """A grant, with what was called by it.

    Attributes
    ----------
    calls
        How often it was used, by action and resource; an unknown resource is ``?``.
    needed
        Whether a recorded call would be denied without this grant.
    exception
        What says why it is needed, if it is not needed.
    """

    grant: Grant
    calls: Mapping[tuple[str, str], int]
    needed: bool
    exception: AccessException | None = None

    @property
    def used(self) -> int:
        """How many calls it allowed."""
        return sum(self.calls.values())

    @property
    def actions(self) -> set[str]:
        """The actions of the calls: several where the grant's action is a pattern."""
        return {action for action, _ in self.calls}

    @property
    def resources(self) -> set[str]:
        """The resources of the calls."""
        return {resource for _, resource in self.calls}

    @property
    def wider(self) -> bool:
        """Whether its action or resource is a pattern that was used for something narrower."""
        used = self.actions | self.resources
        return bool(self.used) and any(
            "*" in pattern and pattern not in used for pattern in (self.grant.action, self.grant.resource)
        )


@dataclass(frozen=True)
class RoleAccess:
    """A role's calls and grants."""

    role: Role
    calls: Mapping[Call, int]
    grants: Sequence[GrantUse]

    @property
    def denied(self) -> int:
        """How many of its calls were denied."""
        return sum(count for call, count in self.calls.items() if not call.allowed)


@dataclass(frozen=True)
class Access:
    """The access of all roles, and what is wrong with it."""

    recording: Recording
    roles: Sequence[RoleAccess]
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether no needed call was denied, and each grant has a use or a reason."""
        return not self.findings


def analyse(
    recording: Recording,
    roles: Sequence[Role],
    exceptions: Sequence[AccessException],
    evaluate: Evaluator,
    progress: Callable[[str], None] | None = None,
    *,
    strict: bool = False,
) -> Access:
    """Compare what roles are granted with what they called.

    Parameters
    ----------
    evaluate
        Decides whether policies allow an action.
    progress
        Receives the role that is analysed.
    strict
        Exceptions that say what uses a grant do not count: all of that has happened.
    """
    exceptions = [item for item in exceptions if not (strict and item.used_by and item.kind == "grant")]
    accesses, findings = [], []
    for role in roles:
        if progress:
            progress(role.name)
        evaluated = role if recording.conditions else without_conditions(role)
        calls = {call: recording.counts[call] for call in recording.of(role.name)}
        uses = [
            _use(evaluated, grant, original, calls, exceptions, evaluate)
            for grant, original in zip(grants_of(evaluated), grants_of(role), strict=True)
        ]
        accesses.append(RoleAccess(role, calls, uses))
        findings += of_denials(evaluated, calls, exceptions, evaluate)
        findings += of_lost_calls(evaluated, calls, evaluate)
        findings += of_grants(
            role, [(use.grant, use.used, use.needed or bool(use.exception)) for use in uses]
        )
    needless = {access.role.key: [(use.grant, use.needed) for use in access.grants] for access in accesses}
    denied = [(a.role.key, call) for a in accesses for call in a.calls if not call.allowed]
    findings += of_exceptions(exceptions, needless, denied)
    return Access(recording, accesses, findings)


def _use(
    role: Role,
    grant: Grant,
    original: Grant,
    calls: Mapping[Call, int],
    exceptions: Sequence[AccessException],
    evaluate: Evaluator,
) -> GrantUse:
    """Return the use of a grant, and whether calls fail without it.

    Only the calls that the grant allows by itself are decided again without it: all others are allowed by
    what is left.
    """
    text = document([grant.element])
    used = [call for call in calls if call.allowed and call.by_identity and allows([text], call, evaluate)]
    counts: Counter[tuple[str, str]] = Counter()
    for call in used:
        counts[call.action, call.resource or "?"] += calls[call]
    rest = documents_without(role, grant) if used else []
    needed = any(not allows(rest, call, evaluate) for call in used)
    exception = None
    if not needed:
        exception = next(
            (item for item in exceptions if item.covers("grant", role.key, grant.action, grant.resource)),
            None,
        )
    return GrantUse(original, dict(counts), needed, exception)
