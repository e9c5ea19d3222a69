"""IAM: the policy simulator, which uses the evaluation that authorizes real calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.authorization.context import principal_context
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.document import AccessRequest, Policy, first_matching, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, ResourcePolicy, evaluate
from kennel.localcloud.policy.explanation import DeterminingStatement, determining_statements, missing_keys
from kennel.localcloud.policy.grammar import InvalidPolicyError, PolicyKind, check_document
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError

# How policies of the store are called in their sources: the words before a policy's name or ARN.
SOURCE = re.compile(r"(?P<kind>inline|managed) policy (?P<name>.+)")


@dataclass(frozen=True)
class Simulation:
    """Who is simulated, with which policies; ``context`` holds the condition keys, in lower case."""

    principal: Principal
    policies: PrincipalPolicies
    resource: ResourcePolicy | None
    context: dict[str, str | list[str]]


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(call: Call) -> dict[str, Any]:
    """Evaluate actions with the policies of a role or user, and further ones."""
    principal = _principal(call, call.parameters["PolicySourceArn"])
    policies = policy_store.principal_policies(principal)
    identity = [*policies.identity, *_inputs(call, "PolicyInputList")]
    boundaries = _inputs(call, "PermissionsBoundaryPolicyInputList")
    boundary = boundaries[0] if boundaries else policies.boundary
    return _simulate(
        call, principal, PrincipalPolicies(identity, boundary, service_control=policies.service_control)
    )


@operation("iam", "SimulateCustomPolicy")
def simulate_custom_policy(call: Call) -> dict[str, Any]:
    """Evaluate actions with the policies of the request alone."""
    caller = call.parameters.get("CallerArn") or call.principal.arn
    boundaries = _inputs(call, "PermissionsBoundaryPolicyInputList")
    policies = PrincipalPolicies(_inputs(call, "PolicyInputList"), boundaries[0] if boundaries else None)
    principal = Principal("user", caller, account=call.account, name=caller.rpartition("/")[2])
    return _simulate(call, principal, policies)


def _principal(call: Call, arn: str) -> Principal:
    role = policy_store.role(arn)
    if role:
        return Principal(
            "role",
            arn,
            account=call.account,
            name=role.name,
            role_arn=arn,
            unique_id=role.unique_id,
            tags=role.tags,
        )
    user = next((user for user in call.backend().users.values() if user.arn == arn), None)
    if user:
        return Principal("user", arn, account=call.account, name=user.name, unique_id=user.id)
    raise AwsError("NoSuchEntity", f"There is no role or user {arn}.", 404)


def _inputs(call: Call, parameter: str) -> list[Policy]:
    """Return the policies of a parameter, named as AWS names them: ``PolicyInputList.1``."""
    documents = call.parameters.get(parameter) or []
    return [_input(text, "identity", f"{parameter}.{place}") for place, text in enumerate(documents, 1)]


def _input(text: str, kind: PolicyKind, source: str) -> Policy:
    try:
        check_document(text, kind)
    except InvalidPolicyError as error:
        raise AwsError("InvalidInput", f"{source}: {error}") from error
    return parse(text, source)


def _simulate(call: Call, principal: Principal, policies: PrincipalPolicies) -> dict[str, Any]:
    document = call.parameters.get("ResourcePolicy")
    resource = ResourcePolicy(_input(document, "resource", "ResourcePolicy")) if document else None
    context = principal_context(principal) | _context(call.parameters.get("ContextEntries") or [])
    simulation = Simulation(principal, policies, resource, context)
    results = [
        _result(simulation, action, arn)
        for action in call.parameters["ActionNames"]
        for arn in call.parameters.get("ResourceArns") or ["*"]
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _result(simulation: Simulation, action: str, arn: str) -> dict[str, Any]:
    request = AccessRequest(action, arn, simulation.context, simulation.principal)
    policies, resource = simulation.policies, simulation.resource
    decision = evaluate(request, policies, resource)
    limits = [policies.boundary] if policies.boundary else []
    read = [*policies.identity, *limits, *([resource.policy] if resource else [])]
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": arn,
        "EvalDecision": decision.result,
        "MatchedStatements": [
            _statement(statement, simulation.principal)
            for statement in determining_statements(request, decision, policies, resource)
        ],
        "MissingContextValues": missing_keys(read, simulation.context),
    }
    if policies.boundary:
        within = policies.boundary.matching("Allow", request) and not policies.boundary.matching(
            "Deny", request
        )
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": bool(within)}
    if policies.service_control:
        within = all(
            first_matching(level, "Allow", request) and not first_matching(level, "Deny", request)
            for level in policies.service_control
        )
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": bool(within)}
    return result


def _statement(statement: DeterminingStatement, principal: Principal) -> dict[str, Any]:
    name, kind = _source(statement.policy.source, principal)
    return {
        "SourcePolicyId": name,
        "SourcePolicyType": kind,
        "StartPosition": {"Line": statement.start.line, "Column": statement.start.column},
        "EndPosition": {"Line": statement.end.line, "Column": statement.end.column},
    }


def _source(source: str, principal: Principal) -> tuple[str, str]:
    """Return a policy's name, and its type in IAM's words."""
    stored = SOURCE.fullmatch(source)
    if not stored:
        return source, "resource" if source == "ResourcePolicy" else "none"
    if stored["kind"] == "inline":
        return stored["name"], principal.kind
    kind = "aws-managed" if stored["name"].startswith("arn:aws:iam::aws:") else "user-managed"
    return stored["name"].rpartition("/")[2], kind


def _context(entries: list[dict[str, Any]]) -> dict[str, str | list[str]]:
    context: dict[str, str | list[str]] = {}
    for entry in entries:
        values = entry.get("ContextKeyValues", [])
        several = entry.get("ContextKeyType", "").endswith("List")
        context[entry["ContextKeyName"].lower()] = values if several else "".join(values[:1])
    return context
