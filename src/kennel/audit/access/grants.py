"""Grants: one action pattern on one resource pattern of one statement, and policies without one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.audit.access.recorded import Call, Evaluator
from kennel.audit.access.roles import Role, RolePolicy

EVERYTHING = "*"


@dataclass(frozen=True)
class Grant:
    """What one statement allows by one of its actions on one of its resources.

    Attributes
    ----------
    role
        The role's name.
    policy, statement
        The policy's index among the role's, and the statement's index in it.
    sid
        The statement's name, or its policy's name and its number.
    action, resource
        Patterns; of a statement with NotAction or NotResource, the words of that element.
    element
        The statement with this action and resource only.
    """

    role: str
    policy: int
    statement: int
    sid: str
    action: str
    resource: str
    element: Mapping[str, Any] = field(hash=False, repr=False)


def document(statements: list[Mapping[str, Any]]) -> str:
    """Return the JSON text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allows(documents: list[str], call: Call, evaluate: Evaluator) -> bool:
    """Return whether policies allow a call; what its record does not say is taken as fitting."""
    if call.resource is None:
        documents = [_on_everything(text) for text in documents]
    return evaluate(documents, call.action, call.resource or EVERYTHING, call.context or {})


def without_conditions(role: Role) -> Role:
    """Return a role whose allowing conditions are met, and whose conditional denials are not."""
    policies = []
    for policy in role.policies:
        statements = [
            {name: value for name, value in statement.items() if name != "Condition"}
            for statement in policy.statements
            if statement["Effect"] == "Allow" or "Condition" not in statement
        ]
        policies.append(RolePolicy(policy.name, {**policy.document, "Statement": statements}))
    return Role(role.name, role.key, role.stack, tuple(policies))


def grants_of(role: Role) -> list[Grant]:
    """Return the grants of a role's policies, in their order."""
    return list(_grants(role))


def _grants(role: Role) -> Iterator[Grant]:
    for policy_index, policy in enumerate(role.policies):
        for index, statement in enumerate(policy.statements):
            if statement["Effect"] != "Allow":
                continue
            sid = str(statement.get("Sid") or f"{policy.name} {index + 1}")
            for action, action_element in _parts(statement, "Action"):
                for resource, resource_element in _parts(statement, "Resource"):
                    rest = {
                        name: value
                        for name, value in statement.items()
                        if name not in ("Action", "NotAction", "Resource", "NotResource", "Sid")
                    }
                    element = {**rest, **action_element, **resource_element}
                    yield Grant(role.name, policy_index, index, sid, action, resource, element)


def _parts(statement: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each value of Action or Resource as an element; a negated one cannot be divided."""
    if name in statement:
        yield from ((value, {name: value}) for value in listed(statement[name]))
    else:
        values = statement[f"Not{name}"]
        yield f"Not{name} {json.dumps(values)}", {f"Not{name}": values}


def listed(value: Any) -> list[Any]:
    """Return an element's values as a list; one value may be without."""
    return value if isinstance(value, list) else [value]


def documents_without(role: Role, grant: Grant) -> list[str]:
    """Return a role's policies in which one grant is missing and nothing else is changed."""
    documents = []
    for index, policy in enumerate(role.policies):
        statements: list[Mapping[str, Any]] = list(policy.statements)
        if index == grant.policy:
            statements[grant.statement : grant.statement + 1] = _remainder(statements[grant.statement], grant)
        documents.append(document(statements))
    return documents


def _remainder(statement: Mapping[str, Any], grant: Grant) -> list[Mapping[str, Any]]:
    """Return the statements that allow what a statement allows, without one action on one resource."""
    remainder: list[Mapping[str, Any]] = []
    actions, resources = statement.get("Action"), statement.get("Resource")
    other_actions = [action for action in listed(actions) if action != grant.action] if actions else []
    others = [resource for resource in listed(resources) if resource != grant.resource] if resources else []
    if other_actions:
        remainder.append({**statement, "Action": other_actions})
    if others:
        same_action = {name: value for name, value in grant.element.items() if name.endswith("Action")}
        rest = {name: value for name, value in statement.items() if name not in ("Action", "NotAction")}
        remainder.append({**rest, **same_action, "Resource": others})
    return remainder


def _on_everything(text: str) -> str:
    policy = json.loads(text)
    statements = [
        {**{name: value for name, value in item.items() if name != "NotResource"}, "Resource": EVERYTHING}
        for item in policy["Statement"]
        if item["Effect"] == "Allow"
    ]
    return json.dumps({**policy, "Statement": statements})
