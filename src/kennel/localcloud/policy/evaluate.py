"""The decision: explicit denies first, then what identity, boundary, session and resource policies allow.

The order is that of the IAM user guide, "Policy evaluation logic", for one account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kennel.localcloud.policy.document import (
    PRINCIPAL_MATCHES,
    AccessRequest,
    Policy,
    PolicyStatement,
    PrincipalMatch,
    first_matching,
)
from kennel.localcloud.policy.principal import Principal

# IAM's own words (EvalDecision of the policy simulator).
EvaluationResult = Literal["allowed", "explicitDeny", "implicitDeny"]


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed, and why, in the words of AWS's own messages."""

    result: EvaluationResult
    reason: str

    @property
    def allowed(self) -> bool:
        """Whether the request is allowed."""
        return self.result == "allowed"


@dataclass(frozen=True)
class PrincipalPolicies:
    """The policies that bind a principal.

    Attributes
    ----------
    boundary
        None where the principal has no permissions boundary.
    session
        The policies that its session was created with, inline or managed, of which one must allow; None for a
        session without, and for a principal that is no session.
    service_control
        The organization's policies, by level from the root to the account: one of each level must allow.
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    service_control: Sequence[Sequence[Policy]] = ()


@dataclass(frozen=True)
class ResourcePolicy:
    """The policy of a resource.

    Where it is ``required`` (a KMS key's policy, a role's trust policy), identity policies count only if it
    lets the account delegate.
    """

    policy: Policy
    required: bool = False


def evaluate(
    request: AccessRequest, policies: PrincipalPolicies, resource: ResourcePolicy | None = None
) -> Decision:
    """Decide a request made by ``request.principal``.

    Parameters
    ----------
    policies
        The principal's own policies. None of them limits an unrestricted principal.
    resource
        The policy of the resource; None where it has none.
    """
    principal = request.principal
    if principal is not None and principal.unrestricted:
        policies = PrincipalPolicies()
    denied_by = _explicit_deny(request, policies, resource)
    if denied_by:
        return Decision("explicitDeny", f"with an explicit deny in {denied_by}")
    required = resource is not None and resource.required
    match = _principal_match(request, resource)
    if principal is not None and principal.unrestricted and (match or not required):
        return Decision("allowed", "the operator is unrestricted")
    if not all(first_matching(level, "Allow", request) for level in policies.service_control):
        return _implicit_deny("service control policy", request)
    if match in UNLIMITED:
        return Decision("allowed", UNLIMITED[match])
    if policies.boundary and not policies.boundary.matching("Allow", request):
        return _implicit_deny("permissions boundary", request)
    if policies.session is not None and not first_matching(policies.session, "Allow", request):
        return _implicit_deny("session policy", request)
    if match == "role":
        return Decision("allowed", "the resource's policy allows it")
    if required and match != "account":
        return _implicit_deny("resource-based policy", request)
    allowing = first_matching(policies.identity, "Allow", request)
    if allowing:
        return Decision("allowed", f"allowed by {allowing.source}")
    return _implicit_deny("identity-based policy", request)


# Matches of a resource's policy that a boundary or a session policy does not limit, and the reason for the
# audit log. Of a role's ARN, the user guide says that they do ("Permissions boundaries for IAM entities").
UNLIMITED: dict[PrincipalMatch | None, str] = {
    "itself": "the resource's policy names the caller",
    "service": "the resource's policy names the caller",
    "everybody": "the resource's policy allows everybody",
}


def _implicit_deny(policy_type: str, request: AccessRequest) -> Decision:
    return Decision("implicitDeny", f"because no {policy_type} allows the {request.action} action")


def _explicit_deny(
    request: AccessRequest, policies: PrincipalPolicies, resource: ResourcePolicy | None
) -> str:
    """Return the type of the policy that denies a request explicitly; empty if none does."""
    if any(first_matching(level, "Deny", request) for level in policies.service_control):
        return "a service control policy"
    if first_matching(policies.identity, "Deny", request):
        return "an identity-based policy"
    if policies.boundary and policies.boundary.matching("Deny", request):
        return "a permissions boundary"
    if first_matching(policies.session or (), "Deny", request):
        return "a session policy"
    if resource and request.principal:
        bounded = policies.boundary is not None
        if any(
            denies(statement, request, request.principal, bounded=bounded)
            for statement in resource.policy.statements
        ):
            return "a resource-based policy"
    return ""


def denies(
    statement: PolicyStatement, request: AccessRequest, principal: Principal, *, bounded: bool
) -> bool:
    """Return whether a statement of a resource's policy denies a request.

    A Deny with NotPrincipal denies every principal that has a permissions boundary (user guide, "AWS JSON
    policy elements: NotPrincipal").
    """
    if statement.effect != "Deny":
        return False
    named = statement.match_principal(principal) or (bounded and "NotPrincipal" in statement.elements)
    return bool(named) and statement.matches(request)


def _principal_match(request: AccessRequest, resource: ResourcePolicy | None) -> PrincipalMatch | None:
    """Return how the resource's policy allows the caller: the strongest match among its Allow statements."""
    if resource is None or request.principal is None:
        return None
    matches = {
        statement.match_principal(request.principal)
        for statement in resource.policy.statements
        if statement.effect == "Allow" and statement.matches(request)
    }
    return next((match for match in PRINCIPAL_MATCHES if match in matches), None)
