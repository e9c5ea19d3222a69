"""Policy documents: statements, and whether one matches a request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

from kennel.localcloud.policy.conditions import UnknownOperator, matches_condition
from kennel.localcloud.policy.patterns import VARIABLE, RequestContext, matches, matches_resource
from kennel.localcloud.policy.principal import Principal

Effect = Literal["Allow", "Deny"]
# How a Principal element matches a caller: by the session's or user's own ARN, as a service of AWS, as
# anybody, by the session's role, or by the whole account. In this order, the strongest first.
PrincipalMatch = Literal["itself", "service", "everybody", "role", "account"]
PRINCIPAL_MATCHES: tuple[PrincipalMatch, ...] = ("itself", "service", "everybody", "role", "account")


@dataclass(frozen=True)
class AccessRequest:
    """One action on one resource, in a context, perhaps by a principal that policies name."""

    action: str
    resource: str
    context: RequestContext = field(default_factory=dict)
    principal: Principal | None = None


@dataclass(frozen=True)
class PolicyStatement:
    """One statement of a policy document.

    Attributes
    ----------
    elements
        The statement as it is written: Action, Resource, Condition, Principal, …
    variables
        Whether policy variables are replaced: the document's version is 2012-10-17.
    """

    effect: str
    elements: dict[str, Any]
    variables: bool

    def matches(self, request: AccessRequest) -> bool:
        """Return whether the action, resource and condition elements match a request.

        A condition that cannot be read fails closed: it matches in a Deny and does not in an Allow.
        """
        if not self._matches_action(request.action) or not self._matches_resource(request):
            return False
        condition = self.elements.get("Condition") or {}
        try:
            return matches_condition(condition, request.context, variables=self.variables)
        except (UnknownOperator, AttributeError, TypeError):
            return self.effect == "Deny"

    def _matches_action(self, action: str) -> bool:
        if "Action" in self.elements:
            return any(
                matches(pattern, action, ignore_case=True) for pattern in _list(self.elements["Action"])
            )
        excluded = _list(self.elements.get("NotAction", "*"))
        return not any(matches(pattern, action, ignore_case=True) for pattern in excluded)

    def _matches_resource(self, request: AccessRequest) -> bool:
        def any_matches(patterns: Any) -> bool:
            return any(
                matches_resource(pattern, request.resource, request.context, variables=self.variables)
                for pattern in _list(patterns)
            )

        if "Resource" in self.elements:
            return any_matches(self.elements["Resource"])
        if "NotResource" in self.elements:
            return not any_matches(self.elements["NotResource"])
        return True  # a trust policy has no Resource: it is the role itself

    def match_principal(self, principal: Principal) -> PrincipalMatch | None:
        """Return how the Principal or NotPrincipal element matches a caller; None if it does not.

        An account in the NotPrincipal of a Deny does not spare its users and roles: each must be named beside
        it (user guide, "AWS JSON policy elements: NotPrincipal").
        """
        if "NotPrincipal" in self.elements:
            match = _match_principal(self.elements["NotPrincipal"], principal)
            spared = match is not None and not (match == "account" and self.effect == "Deny")
            return None if spared else "everybody"
        return _match_principal(self.elements.get("Principal"), principal)


def _match_principal(element: Any, principal: Principal) -> PrincipalMatch | None:
    """Return the strongest of the matches of a Principal element's names."""
    if element == "*":
        return "everybody"
    if not isinstance(element, dict):
        return None
    matches = {
        _match_name(kind, name, principal)
        for kind in ("AWS", "Service", "Federated")
        for name in _list(element.get(kind, []))
    }
    return next((match for match in PRINCIPAL_MATCHES if match in matches), None)


def _match_name(kind: str, name: str, principal: Principal) -> PrincipalMatch | None:
    if kind == "Service":
        return "service" if principal.kind == "service" and principal.name == name else None
    if kind == "Federated":
        return "itself" if principal.kind == "federated" and principal.arn == name else None
    if name == "*":
        return "everybody"
    if principal.kind in ("service", "federated", "anonymous"):
        return None
    if name in (principal.arn, principal.unique_id):
        return "itself"
    if principal.role_arn and name in (principal.role_arn, principal.unique_id.split(":")[0]):
        return "role"
    if principal.account and name in (principal.account, f"arn:aws:iam::{principal.account}:root"):
        return "account"
    return None


@dataclass(frozen=True)
class Policy:
    """A policy document, and where it comes from in the words of the audit log's reasons.

    Attributes
    ----------
    document
        Its JSON text.
    """

    source: str
    statements: tuple[PolicyStatement, ...]
    document: str = field(default="", repr=False)

    @cached_property
    def condition_keys(self) -> frozenset[str]:
        """The keys that its conditions and variables name, in lower case: what a decision depends on."""
        conditions = [statement.elements.get("Condition") for statement in self.statements]
        keys = {
            str(key)
            for condition in conditions
            if isinstance(condition, dict)
            for operands in condition.values()
            if isinstance(operands, dict)
            for key in operands
        }
        keys |= {variable["name"].partition(",")[0].strip() for variable in VARIABLE.finditer(self.document)}
        return frozenset(key.lower() for key in keys)

    def matching(self, effect: Effect, request: AccessRequest) -> PolicyStatement | None:
        """Return the first statement of an effect that matches a request."""
        return next(
            (
                statement
                for statement in self.statements
                if statement.effect == effect and statement.matches(request)
            ),
            None,
        )


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
            PolicyStatement(item["Effect"], item, variables) for item in _list(content["Statement"])
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not a policy document: {document[:200]}") from error
    return Policy(source, statements, document)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def first_matching(policies: Iterable[Policy], effect: Effect, request: AccessRequest) -> Policy | None:
    """Return the first of the policies that has a statement of an effect that matches a request."""
    return next((policy for policy in policies if policy.matching(effect, request)), None)
