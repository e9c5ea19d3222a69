"""The grammar of policy documents: what AWS refuses when a policy is put.

Source: IAM user guide, "Grammar of the IAM JSON policy language", and the errors of the services' calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from kennel.localcloud.policy.conditions import is_operator
from kennel.localcloud.policy.patterns import ARN_SEGMENTS

# Identity policies are those of users, groups and roles, boundaries and service control policies; session
# policies limit a session; trust policies say who may assume a role; resource policies are those of buckets,
# keys, queues and topics.
PolicyKind = Literal["identity", "session", "trust", "resource"]
VERSIONS = ("2012-10-17", "2008-10-17")
DOCUMENT_MEMBERS = {"Version", "Id", "Statement"}
STATEMENT_MEMBERS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
PRINCIPAL_KINDS = {"AWS", "Service", "Federated", "CanonicalUser"}
PARTITION = re.compile(r"aws(-[a-z]+)*|\*")
VENDOR = re.compile(r"[a-z0-9-]+", re.IGNORECASE)
ACTION = re.compile(r"[A-Za-z0-9*?]+")
SYNTAX = "Syntax errors in policy."


class InvalidPolicyError(ValueError):
    """A document breaks the grammar; the message is AWS's."""


def check_document(text: str, kind: PolicyKind) -> None:
    """Refuse a document that AWS does not accept as a policy.

    Raises
    ------
    InvalidPolicyError
        The document breaks the grammar.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPolicyError(SYNTAX) from error
    if not isinstance(document, dict) or set(document) - DOCUMENT_MEMBERS:
        raise InvalidPolicyError(SYNTAX)
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise InvalidPolicyError(f"The policy must contain a valid version string: {VERSIONS[0]}.")
    statements = document.get("Statement")
    statements = statements if isinstance(statements, list) else [statements]
    if not statements:
        raise InvalidPolicyError("The policy must contain a statement.")
    for statement in statements:
        _check_statement(statement, kind)
    names = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(names) != len(set(names)):
        raise InvalidPolicyError("Statement IDs (SID) in a single policy must be unique.")


def _check_statement(statement: Any, kind: PolicyKind) -> None:
    if not isinstance(statement, dict) or set(statement) - STATEMENT_MEMBERS:
        raise InvalidPolicyError(SYNTAX)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise InvalidPolicyError(SYNTAX)
    _check_actions(statement)
    _check_principal(statement, kind)
    resources = _one_of(statement, "Resource", "NotResource")
    if kind == "trust" and resources is not None:
        raise InvalidPolicyError("Has prohibited field Resource.")
    if kind != "trust" and resources is None:
        raise InvalidPolicyError("Policy statement must contain resources.")
    for resource in _texts(resources if resources is not None else []):
        _check_resource(resource)
        if kind == "session" and resource != "*" and resource.count(":") < ARN_SEGMENTS - 1:
            # "… do not support incomplete ARNs" (IAM user guide, "IAM JSON policy elements: Resource").
            raise InvalidPolicyError(f"Resource {resource} must be a complete ARN in a session policy.")
    _check_conditions(statement.get("Condition", {}))


def _check_actions(statement: dict[str, Any]) -> None:
    actions = _one_of(statement, "Action", "NotAction")
    if actions is None:
        raise InvalidPolicyError("Policy statement must contain actions.")
    for action in _texts(actions):
        if action == "*":
            continue
        vendor, colon, name = action.partition(":")
        if not colon:
            raise InvalidPolicyError(
                "Actions/Conditions must be prefixed by a vendor, e.g., iam, sdb, ec2, etc."
            )
        if not VENDOR.fullmatch(vendor):
            raise InvalidPolicyError(f"Vendor {vendor} is not valid")
        if not ACTION.fullmatch(name):
            raise InvalidPolicyError("Actions/Conditions can contain only one colon and no other character.")


def _check_principal(statement: dict[str, Any], kind: PolicyKind) -> None:
    principal = _one_of(statement, "Principal", "NotPrincipal")
    if kind in ("identity", "session"):
        if principal is not None:
            raise InvalidPolicyError("Policy document should not specify a principal.")
        return
    if principal is None:
        raise InvalidPolicyError("Missing required field Principal")
    if kind == "trust" and "NotPrincipal" in statement:
        raise InvalidPolicyError("AssumeRole policy must not contain NotPrincipal.")
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or set(principal) - PRINCIPAL_KINDS:
        raise InvalidPolicyError("Invalid principal in policy")
    for name in (name for names in principal.values() for name in _texts(names)):
        if "*" in name and name != "*":
            raise InvalidPolicyError("Invalid principal in policy")  # no pattern is one


def _check_resource(resource: str) -> None:
    if resource == "*":
        return
    segments = resource.split(":")
    if segments[0] != "arn":
        raise InvalidPolicyError(f'Resource {resource} must be in ARN format or "*".')
    partition, vendor = [*segments[1:3], "*", "*"][:2]  # AWS completes a short ARN
    if not PARTITION.fullmatch(partition):
        raise InvalidPolicyError(f'Partition "{partition}" is not valid for resource "{resource}".')
    if vendor != "*" and not VENDOR.fullmatch(vendor):
        raise InvalidPolicyError("Resource vendor must be fully qualified and cannot contain regexes.")


def _check_conditions(conditions: Any) -> None:
    if not isinstance(conditions, dict):
        raise InvalidPolicyError(SYNTAX)
    for operator, keys in conditions.items():
        if not is_operator(operator):
            raise InvalidPolicyError(f"Invalid Condition type : {operator}.")
        if not isinstance(keys, dict):
            raise InvalidPolicyError(SYNTAX)
        for key, values in keys.items():
            if ":" not in key:
                raise InvalidPolicyError(
                    "Actions/Conditions must be prefixed by a vendor, e.g., iam, sdb, ec2, etc."
                )
            for value in values if isinstance(values, list) else [values]:
                if not isinstance(value, (str, bool, int, float)):
                    raise InvalidPolicyError(SYNTAX)


def _one_of(statement: dict[str, Any], name: str, negated: str) -> Any:
    """Return an element or its negation, of which a statement has one at most; None if it has neither."""
    if name in statement and negated in statement:
        raise InvalidPolicyError(SYNTAX)
    return statement.get(name, statement.get(negated))


def _texts(values: Any) -> Iterator[str]:
    for value in values if isinstance(values, list) else [values]:
        if not isinstance(value, str):
            raise InvalidPolicyError(SYNTAX)
        yield value
