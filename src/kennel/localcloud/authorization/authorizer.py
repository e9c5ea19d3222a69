"""The one entrance to authorization: every check is evaluated and reported to the audit log here."""

from __future__ import annotations

from kennel.localcloud.authorization.context import principal_context
from kennel.localcloud.dispatch.audit_log import NO_KEYS, AuditSink
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.document import AccessRequest
from kennel.localcloud.policy.evaluate import Decision, PrincipalPolicies, ResourcePolicy, evaluate
from kennel.localcloud.policy.patterns import RequestContext
from kennel.localcloud.policy.principal import Principal


class Authorizer:
    """Decides whether a principal may do something, and reports each decision.

    Parameters
    ----------
    audit
        Where decisions go: `CallAudit` for an HTTP call, `ImmediateAudit` for what the platform does in a
        workload's name, `NoAudit` for a question that is no call of the principal's.
    """

    def __init__(self, audit: AuditSink) -> None:
        self._audit = audit

    def check(
        self,
        principal: Principal,
        action: str,
        resource: str,
        context: RequestContext,
        *,
        policies: PrincipalPolicies | None = None,
        resource_policy: ResourcePolicy | None = None,
    ) -> Decision:
        """Decide one action on one resource, and report the decision.

        Parameters
        ----------
        resource
            The resource's ARN, or ``*``.
        context
            Condition keys of the request, in lower case; the principal's own keys are added.
        policies
            Replaces the principal's own policies, for IAM's policy simulator.
        resource_policy
            The policy of the resource, if it has one.
        """
        request = AccessRequest(action, resource, {**principal_context(principal), **context}, principal)
        if policies is None:
            policies = policy_store.principal_policies(principal)
        decision = evaluate(request, policies, resource_policy)
        return self.report(principal, action, resource, decision, _named(request.context, policies))

    def report(
        self,
        principal: Principal,
        action: str,
        resource: str,
        decision: Decision,
        context: RequestContext = NO_KEYS,
    ) -> Decision:
        """Report a decision, and return it; `check` reports its own.

        The others are calls that require no permission, and roles that do not exist.
        """
        if decision.allowed:
            self._audit.record(
                principal.arn,
                action,
                resource,
                "unrestricted" if principal.unrestricted else "allow",
                decision.reason,
                context,
            )
        else:
            self._audit.record(principal.arn, action, resource, "deny", decision.reason, context)
        return decision


def _named(context: RequestContext, policies: PrincipalPolicies) -> RequestContext:
    """Return the keys of a context that the principal's own policies name: the others decide nothing."""
    names = {name for policy in policies.identity for name in policy.condition_keys}
    return {name: context[name] for name in sorted(names & context.keys())}
