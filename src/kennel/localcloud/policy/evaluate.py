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
    PrincipalMatch,
    first_matching,
)

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
    """The policies of a principal; ``boundary`` and ``session`` are None where it has none."""

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Policy | None = None


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
    unrestricted = principal is not None and principal.unrestricted
    denied_by = _explicit_deny(request, PrincipalPolicies() if unrestricted else policies, resource)
    if denied_by:
        return Decision("explicitDeny", f"with an explicit deny in {denied_by}")
    required = resource is not None and resource.required
    match = _principal_match(request, resource)
    if unrestricted and (match or not required):
        return Decision("allowed", "the operator is unrestricted")
    if match in ("itself", "service"):
        return Decision("allowed", "the resource's policy names the caller")
    if match == "everybody" and principal and principal.kind == "anonymous":
        return Decision("allowed", "the resource's policy allows everybody")
    for limit, name in ((policies.boundary, "permissions boundary"), (policies.session, "session policy")):
        if limit and not limit.matching("Allow", request):
            return _implicit_deny(name, request)
    if match in ("role", "everybody"):
        return Decision("allowed", "the resource's policy allows it")
    if required and match != "account":
        return _implicit_deny("resource-based policy", request)
    allowing = first_matching(policies.identity, "Allow", request)
    if allowing:
        return Decision("allowed", f"allowed by {allowing.source}")
    return _implicit_deny("identity-based policy", request)


def _implicit_deny(policy_type: str, request: AccessRequest) -> Decision:
    return Decision("implicitDeny", f"because no {policy_type} allows the {request.action} action")


def _explicit_deny(
    request: AccessRequest, policies: PrincipalPolicies, resource: ResourcePolicy | None
) -> str:
    """Return the type of the policy that denies a request explicitly; empty if none does."""
    if first_matching(policies.identity, "Deny", request):
        return "an identity-based policy"
    if policies.boundary and policies.boundary.matching("Deny", request):
        return "a permissions boundary"
    if policies.session and policies.session.matching("Deny", request):
        return "a session policy"
    if resource and request.principal:
        for statement in resource.policy.statements:
            if (
                statement.effect == "Deny"
                and statement.match_principal(request.principal)
                and statement.matches(request)
            ):
                return "a resource-based policy"
    return ""


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
