"""Roles and their policies, as IAM's GetAccountAuthorizationDetails returns them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from kennel.audit import AuditError

FILE = "roles.json"  # beside the audit log of a rehearsal, which destroys its roles
SERVICE_LINKED = "/aws-service-role/"
STACK_TAG = "Stack"
_REGION = re.compile(r"-[a-z]{2}(-[a-z]+)+-\d+$")


@dataclass(frozen=True)
class RolePolicy:
    """A policy of a role, inline or attached."""

    name: str
    document: Mapping[str, Any]

    @property
    def statements(self) -> list[dict[str, Any]]:
        """The statements; a document may have one without a list."""
        statements = self.document["Statement"]
        return statements if isinstance(statements, list) else [statements]


@dataclass(frozen=True)
class Role:
    """A role with its policies.

    Attributes
    ----------
    key
        Its name without those of stack and region, by which exceptions name it: ``training-host``.
    stack
        The value of its tag Stack; empty without.
    """

    name: str
    key: str
    stack: str
    policies: tuple[RolePolicy, ...]

    @property
    def documents(self) -> list[str]:
        """The documents as JSON texts."""
        return [json.dumps(policy.document) for policy in self.policies]


def fetch(iam: Any) -> dict[str, Any]:
    """Return the account's roles and customer-managed or attached policies, in the form of AWS's CLI.

    Parameters
    ----------
    iam
        A boto3 client; it requires ``iam:GetAccountAuthorizationDetails``.
    """
    details: dict[str, Any] = {"RoleDetailList": [], "Policies": []}
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["Role", "LocalManagedPolicy", "AWSManagedPolicy"]
    )
    for page in pages:
        for name, items in details.items():
            items += page.get(name, [])
    attached = {policy["PolicyArn"] for role in details["RoleDetailList"] for policy in _attached(role)}
    details["Policies"] = [policy for policy in details["Policies"] if policy["Arn"] in attached]
    return details


def save(path: Path, details: Mapping[str, Any]) -> None:
    """Write what `fetch` returned."""
    path.write_text(json.dumps(details, indent=1, default=str) + "\n", encoding="utf-8")


def load(path: Path) -> dict[str, Any]:
    """Read what `save`, or ``aws iam get-account-authorization-details``, wrote.

    Raises
    ------
    AuditError
        The file is not such a document.
    """
    try:
        details = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(details["RoleDetailList"], list):
            return dict(details)
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = type(error).__name__
    else:
        problem = "RoleDetailList is no list"
    raise AuditError(
        f"{path} holds no roles ({problem}): write it with aws iam get-account-authorization-details"
    )


def read(details: Mapping[str, Any], stack: str | None = None) -> list[Role]:
    """Return the roles, without those that belong to services of AWS.

    Parameters
    ----------
    stack
        Only the roles with this tag Stack.

    Raises
    ------
    AuditError
        There is none.
    """
    managed = {policy["Arn"]: _default(policy) for policy in details.get("Policies", [])}
    described = [item for item in details["RoleDetailList"] if item.get("Path") != SERVICE_LINKED]
    described = [item for item in described if not item.get("Path", "/").startswith(SERVICE_LINKED)]
    roles = [_role(item, managed) for item in described]
    roles = [role for role in roles if stack is None or role.stack == stack]
    if not roles:
        which = f"role has the tag {STACK_TAG}={stack}" if stack else "role exists"
        raise AuditError(f"no {which}: run ./kennel stack.apply first, or give another --stack")
    return sorted(roles, key=lambda role: role.name)


def _role(item: Mapping[str, Any], managed: Mapping[str, Mapping[str, Any]]) -> Role:
    policies = [
        RolePolicy(inline["PolicyName"], _decoded(inline["PolicyDocument"]))
        for inline in item.get("RolePolicyList", [])
    ]
    policies += [
        RolePolicy(policy["PolicyName"], managed[policy["PolicyArn"]])
        for policy in _attached(item)
        if policy["PolicyArn"] in managed
    ]
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags") or []}
    stack, name = tags.get(STACK_TAG, ""), item["RoleName"]
    key = _REGION.sub("", name).removeprefix(f"{stack}-") if stack else name
    return Role(name, key, stack, tuple(policies))


def _attached(item: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    attached: Sequence[Mapping[str, str]] = item.get("AttachedManagedPolicies", [])
    return attached


def _default(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    versions = policy["PolicyVersionList"]
    return _decoded(next(version for version in versions if version["IsDefaultVersion"])["Document"])


def _decoded(document: Any) -> Mapping[str, Any]:
    """Return a document that boto3 has decoded, or that is still JSON, perhaps encoded for a URL."""
    return document if isinstance(document, Mapping) else dict(json.loads(unquote(document)))
