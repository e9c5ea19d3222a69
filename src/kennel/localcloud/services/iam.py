"""IAM: the policy simulator, answered by the evaluation that the front itself uses."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.authorization.context import principal_context
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.evaluate import Policies, decide
from kennel.localcloud.policy.policy import AccessRequest, Policy, parse
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(call: Call) -> dict[str, Any]:
    """Evaluate actions with the policies of a role or user."""
    principal = _principal(call, call.parameters["PolicySourceArn"])
    extra = [parse(text) for text in call.parameters.get("PolicyInputList", [])]
    return _simulate(call, principal, [*policy_store.identity_policies(principal), *extra])


@operation("iam", "SimulateCustomPolicy")
def simulate_custom_policy(call: Call) -> dict[str, Any]:
    """Evaluate actions with the policies given."""
    caller = call.parameters.get("CallerArn") or call.principal.arn
    given = [parse(text) for text in call.parameters["PolicyInputList"]]
    return _simulate(call, Principal("user", caller), given)


def _principal(call: Call, arn: str) -> Principal:
    iam = call.backend()
    role = policy_store.role(arn)
    if role:
        return Principal("role", arn, name=role.name, role_arn=arn, unique_id=role.id)
    user = next((user for user in iam.users.values() if user.arn == arn), None)
    if user:
        return Principal("user", arn, name=user.name, unique_id=user.id)
    raise AwsError("NoSuchEntity", f"There is no role or user {arn}.", 404)


def _simulate(call: Call, principal: Principal, policies: list[Policy]) -> dict[str, Any]:
    context = principal_context(principal)
    for entry in call.parameters.get("ContextEntries", []):
        values = entry.get("ContextKeyValues", [])
        listed = entry.get("ContextKeyType", "").endswith("List")
        context[entry["ContextKeyName"].lower()] = values if listed else "".join(values[:1])
    boundaries = call.parameters.get("PermissionsBoundaryPolicyInputList")
    limit = parse(boundaries[0]) if boundaries else policy_store.boundary(principal)
    results = []
    for action in call.parameters["ActionNames"]:
        for resource in call.parameters.get("ResourceArns") or ["*"]:
            request = AccessRequest(action, resource, context, principal)
            verdict = decide(Policies(identity=policies, boundary=limit), request)
            denied = "explicitDeny" if "explicit deny" in verdict.reason else "implicitDeny"
            results.append(
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": "allowed" if verdict.allowed else denied,
                    "MatchedStatements": [],
                    "MissingContextValues": [],
                }
            )
    return {"EvaluationResults": results, "IsTruncated": False}
