"""IAM: the policy simulator, which uses the evaluation that authorizes real calls."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.dispatch.audit_log import NoAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.document import Policy, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(call: Call) -> dict[str, Any]:
    """Evaluate actions with the policies of a role or user, and further ones."""
    principal = _principal(call, call.parameters["PolicySourceArn"])
    policies = policy_store.principal_policies(principal)
    further = [parse(text) for text in call.parameters.get("PolicyInputList", [])]
    return _simulate(call, principal, [*policies.identity, *further], policies.boundary)


@operation("iam", "SimulateCustomPolicy")
def simulate_custom_policy(call: Call) -> dict[str, Any]:
    """Evaluate actions with the policies of the request alone."""
    caller = call.parameters.get("CallerArn") or call.principal.arn
    policies = [parse(text) for text in call.parameters["PolicyInputList"]]
    return _simulate(call, Principal("user", caller, account=call.account), policies, None)


def _principal(call: Call, arn: str) -> Principal:
    role = policy_store.role(arn)
    if role:
        return Principal(
            "role", arn, account=call.account, name=role.name, role_arn=arn, unique_id=role.unique_id
        )
    user = next((user for user in call.backend().users.values() if user.arn == arn), None)
    if user:
        return Principal("user", arn, account=call.account, name=user.name, unique_id=user.id)
    raise AwsError("NoSuchEntity", f"There is no role or user {arn}.", 404)


def _simulate(
    call: Call, principal: Principal, identity: list[Policy], boundary: Policy | None
) -> dict[str, Any]:
    authorizer = Authorizer(NoAudit())  # the principal does nothing: a simulation is no call by it
    boundaries = call.parameters.get("PermissionsBoundaryPolicyInputList")
    policies = PrincipalPolicies(identity, parse(boundaries[0]) if boundaries else boundary)
    context = _context(call.parameters.get("ContextEntries", []))
    results = []
    for action in call.parameters["ActionNames"]:
        for resource in call.parameters.get("ResourceArns") or ["*"]:
            decision = authorizer.check(principal, action, resource, context, policies=policies)
            results.append(
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": decision.result,
                    "MatchedStatements": [],
                    "MissingContextValues": [],
                }
            )
    return {"EvaluationResults": results, "IsTruncated": False}


def _context(entries: list[dict[str, Any]]) -> dict[str, str | list[str]]:
    context: dict[str, str | list[str]] = {}
    for entry in entries:
        values = entry.get("ContextKeyValues", [])
        several = entry.get("ContextKeyType", "").endswith("List")
        context[entry["ContextKeyName"].lower()] = values if several else "".join(values[:1])
    return context
