"""The decision: explicit denies first, then what identity, boundary, session and resource policies allow.

The order is that of the IAM user guide, "Policy evaluation logic", for one account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kennel.localcloud.policy.policy import AccessRequest, Policy, first


@dataclass(frozen=True)
class Verdict:
    """Whether a request is allowed, and why, in the words of AWS's own messages."""

    allowed: bool
    reason: str


@dataclass(frozen=True)
class Policies:
    """Every policy that bears on a request.

    ``boundary`` and ``session`` are None where the principal has none. ``resource_decides`` is for KMS keys
    and trust policies: identity policies count only where the resource's policy lets the account delegate.
    """

    identity: Sequence[Policy] = field(default_factory=tuple)
    boundary: Policy | None = None
    session: Policy | None = None
    resource: Policy | None = None
    resource_decides: bool = False
    unrestricted: bool = False


def decide(policies: Policies, request: AccessRequest) -> Verdict:
    """Evaluate a request made by ``request.principal``."""
    denied = _explicit_deny(policies, request)
    if denied:
        return Verdict(False, f"with an explicit deny in {denied}")
    naming = _resource_allow(policies.resource, request)
    if policies.unrestricted and (naming or not policies.resource_decides):
        return Verdict(True, "the operator is unrestricted")
    if naming == "itself" or naming == "service":
        return Verdict(True, "the resource's policy names the caller")
    if naming == "everybody" and request.principal and request.principal.kind == "anonymous":
        return Verdict(True, "the resource's policy allows everybody")
    for limit, name in ((policies.boundary, "permissions boundary"), (policies.session, "session policy")):
        if limit and not limit.matching("Allow", request):
            return Verdict(False, f"because no {name} allows the {request.action} action")
    if naming in ("role", "everybody"):
        return Verdict(True, "the resource's policy allows it")
    if policies.resource_decides and naming != "account":
        return Verdict(False, f"because no resource-based policy allows the {request.action} action")
    allowed = first(policies.identity, "Allow", request)
    if allowed:
        return Verdict(True, f"allowed by {allowed[0].source}")
    return Verdict(False, f"because no identity-based policy allows the {request.action} action")


def _explicit_deny(policies: Policies, request: AccessRequest) -> str:
    if not policies.unrestricted:
        if first(policies.identity, "Deny", request):
            return "an identity-based policy"
        if policies.boundary and policies.boundary.matching("Deny", request):
            return "a permissions boundary"
        if policies.session and policies.session.matching("Deny", request):
            return "a session policy"
    principal = request.principal
    if policies.resource and principal:
        for statement in policies.resource.statements:
            if statement.effect == "Deny" and statement.names(principal) and statement.applies(request):
                return "a resource-based policy"
    return ""


def _resource_allow(policy: Policy | None, request: AccessRequest) -> str:
    """How the resource's policy allows the caller: the strongest naming among its Allow statements."""
    principal = request.principal
    if policy is None or principal is None:
        return ""
    found = {
        statement.names(principal)
        for statement in policy.statements
        if statement.effect == "Allow" and statement.applies(request)
    }
    return next(
        (naming for naming in ("itself", "service", "role", "everybody", "account") if naming in found), ""
    )
