"""Policy documents: statements, and whether one applies to a request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from kennel.localcloud.policy.conditions import UnknownOperator, holds
from kennel.localcloud.policy.patterns import Context, matches, matches_arn
from kennel.localcloud.policy.principal import Principal

# How a statement's Principal element names a caller: its very ARN, its role, its whole account, or everybody.
Naming = Literal["itself", "role", "account", "everybody", "service"]


@dataclass(frozen=True)
class AccessRequest:
    """What is asked: one action on one resource, in a context, perhaps by a principal that policies name."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    principal: Principal | None = None


@dataclass(frozen=True)
class Statement:
    """One statement, its lists already lists."""

    effect: str
    elements: dict[str, Any]
    variables: bool
    sid: str = ""

    def applies(self, request: AccessRequest) -> bool:
        """Whether the action, resource and condition elements cover a request.

        A condition that cannot be read fails closed: it holds in a Deny and does not in an Allow.
        """
        if not self._covers_action(request.action) or not self._covers_resource(request):
            return False
        try:
            return holds(self.elements.get("Condition") or {}, request.context, variables=self.variables)
        except (UnknownOperator, AttributeError, TypeError):
            return self.effect == "Deny"

    def _covers_action(self, action: str) -> bool:
        if "Action" in self.elements:
            return any(
                matches(pattern, action, ignore_case=True) for pattern in _list(self.elements["Action"])
            )
        excluded = _list(self.elements.get("NotAction", "*"))
        return not any(matches(pattern, action, ignore_case=True) for pattern in excluded)

    def _covers_resource(self, request: AccessRequest) -> bool:
        def covered(patterns: Any) -> bool:
            return any(
                matches_arn(pattern, request.resource, request.context, variables=self.variables)
                for pattern in _list(patterns)
            )

        if "Resource" in self.elements:
            return covered(self.elements["Resource"])
        if "NotResource" in self.elements:
            return not covered(self.elements["NotResource"])
        return True  # a trust policy has no Resource: it is the role itself

    def names(self, principal: Principal) -> Naming | None:
        """How the Principal or NotPrincipal element names a caller; None if it does not."""
        if "NotPrincipal" in self.elements:
            return None if _naming(self.elements["NotPrincipal"], principal) else "everybody"
        return _naming(self.elements.get("Principal"), principal)


def _naming(element: Any, principal: Principal) -> Naming | None:
    if element == "*":
        return "everybody"
    if not isinstance(element, dict):
        return None
    if principal.kind == "service":
        return "service" if principal.name in _list(element.get("Service", [])) else None
    found: Naming | None = None
    for name in _list(element.get("AWS", [])):
        if name == principal.arn or name == principal.unique_id:
            return "itself"
        if principal.role_arn and name in (principal.role_arn, principal.unique_id.split(":")[0]):
            found = "role"
        elif name == "*":
            found = found or "everybody"
        elif principal.account and name in (principal.account, f"arn:aws:iam::{principal.account}:root"):
            found = found or "account"
    return found


@dataclass(frozen=True)
class Policy:
    """A document and where it comes from, as an AccessDenied message calls it."""

    source: str
    statements: tuple[Statement, ...]

    def matching(self, effect: str, request: AccessRequest) -> Statement | None:
        """The first statement of an effect that applies to a request."""
        return next((s for s in self.statements if s.effect == effect and s.applies(request)), None)


@lru_cache(maxsize=1024)
def parse(document: str, source: str = "identity-based policy") -> Policy:
    """Read a policy document.

    Raises
    ------
    ValueError
        It is not a policy document.
    """
    try:
        content = json.loads(document)
        variables = content.get("Version") == "2012-10-17"
        statements = tuple(
            Statement(item["Effect"], item, variables, item.get("Sid", ""))
            for item in _list(content["Statement"])
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not a policy document: {document[:200]}") from error
    return Policy(source, statements)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def first(policies: Iterable[Policy], effect: str, request: AccessRequest) -> tuple[Policy, Statement] | None:
    """The first statement of an effect in any of the policies that applies to a request."""
    for policy in policies:
        statement = policy.matching(effect, request)
        if statement:
            return policy, statement
    return None
