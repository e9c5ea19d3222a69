"""Why a decision is as it is: the statements that determine it, and the condition keys that it lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kennel.localcloud.policy.document import AccessRequest, Policy, PolicyStatement
from kennel.localcloud.policy.evaluate import Decision, PrincipalPolicies, ResourcePolicy, denies
from kennel.localcloud.policy.patterns import VARIABLE, RequestContext

SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Position:
    """A place in a document; the first line and column are 1."""

    line: int
    column: int


@dataclass(frozen=True)
class DeterminingStatement:
    """A statement that determines a decision: its policy, and where it starts and ends in the document."""

    policy: Policy
    start: Position
    end: Position


def determining_statements(
    request: AccessRequest,
    decision: Decision,
    policies: PrincipalPolicies,
    resource: ResourcePolicy | None = None,
) -> list[DeterminingStatement]:
    """Return the Deny statements of an explicit deny, the Allow statements of what is allowed, or nothing."""
    statements = {
        "explicitDeny": _denying(request, policies, resource),
        "allowed": _allowing(request, policies, resource),
        "implicitDeny": iter(()),
    }[decision.result]
    return [_located(policy, index) for policy, index in statements]


def _denying(
    request: AccessRequest, policies: PrincipalPolicies, resource: ResourcePolicy | None
) -> Iterator[tuple[Policy, int]]:
    levels = [policy for level in policies.service_control for policy in level]
    boundary = [policies.boundary] if policies.boundary else []
    for policy in (*policies.identity, *boundary, *(policies.session or ()), *levels):
        for index, statement in enumerate(policy.statements):
            if statement.effect == "Deny" and statement.matches(request):
                yield policy, index
    if resource and request.principal:
        for index, statement in enumerate(resource.policy.statements):
            if denies(statement, request, request.principal, bounded=policies.boundary is not None):
                yield resource.policy, index


def _allowing(
    request: AccessRequest, policies: PrincipalPolicies, resource: ResourcePolicy | None
) -> Iterator[tuple[Policy, int]]:
    for policy in policies.identity:
        for index, statement in enumerate(policy.statements):
            if statement.effect == "Allow" and statement.matches(request):
                yield policy, index
    if resource and request.principal:
        for index, statement in enumerate(resource.policy.statements):
            match = statement.effect == "Allow" and statement.match_principal(request.principal)
            if match and statement.matches(request):
                yield resource.policy, index


def _located(policy: Policy, index: int) -> DeterminingStatement:
    start, end = statement_spans(policy.document)[index]
    return DeterminingStatement(policy, _position(policy.document, start), _position(policy.document, end))


def _position(text: str, offset: int) -> Position:
    line_start = text.rfind("\n", 0, offset) + 1
    return Position(text.count("\n", 0, offset) + 1, offset - line_start + 1)


def statement_spans(document: str) -> list[tuple[int, int]]:
    """Return where each statement of a policy document starts and ends, as offsets of characters.

    Examples
    --------
    >>> statement_spans('{"Statement": [{}, {"Sid": "a"}]}')
    [(15, 17), (19, 31)]
    """
    spans: list[tuple[int, int]] = []
    for name, start, end in _members(document, _skip(document, 0)):
        if name != "Statement":
            continue
        spans = list(_items(document, start)) if document[start] == "[" else [(start, end)]
    return spans


def _members(text: str, position: int) -> Iterator[tuple[str, int, int]]:
    """Yield the names of an object's members, and where their values start and end."""
    while text[position] != "}":
        name, after = _DECODER.raw_decode(text, _skip(text, position + 1))
        start = _skip(text, _skip(text, after) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield name, start, end
        position = _skip(text, end)


def _items(text: str, position: int) -> Iterator[tuple[int, int]]:
    """Yield where the items of a list start and end."""
    while text[position] != "]":
        start = _skip(text, position + 1)
        if text[start] == "]":
            return
        _, end = _DECODER.raw_decode(text, start)
        yield start, end
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    match = SPACE.match(text, position)
    return match.end() if match else position


def missing_keys(policies: Sequence[Policy], context: RequestContext) -> list[str]:
    """Return the condition keys that policies name, in conditions and as variables, and a context lacks."""
    names = {
        key.lower(): key for policy in policies for statement in policy.statements for key in _keys(statement)
    }
    return sorted(key for name, key in names.items() if name not in context)


def _keys(statement: PolicyStatement) -> Iterator[str]:
    condition = statement.elements.get("Condition") or {}
    for keys in condition.values():
        yield from keys
    if statement.variables:
        for variable in VARIABLE.finditer(json.dumps(statement.elements)):
            name = variable["name"].partition(",")[0].strip()
            if name not in ("*", "?", "$"):
                yield name
