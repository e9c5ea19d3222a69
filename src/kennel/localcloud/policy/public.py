"""Whether a bucket policy is public, in the sense of S3's block of public access.

Source: S3 user guide, "Blocking public access to your Amazon S3 storage", section "The meaning of 'public'":
a policy is public unless each of its statements allows only principals that it names, or has a condition that
holds one of certain keys to fixed values, without wildcards and without policy variables.
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import Any

from kennel.localcloud.policy.document import Policy, PolicyStatement

# Conditions on these keys narrow a statement down; others, such as aws:SecureTransport, anybody can meet.
NARROWING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:username",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
# Negated operators allow everybody but those that they name.
OPERATORS = ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress")
# Addresses of a whole part of the Internet are not a fixed value.
BROADEST = {4: 8, 6: 32}  # prefix lengths in bits, by version


def is_public(policy: Policy) -> bool:
    """Return whether a policy lets in principals that it does not name."""
    return any(_is_public(statement) for statement in policy.statements)


def _is_public(statement: PolicyStatement) -> bool:
    if statement.effect != "Allow" or not _names_anybody(statement.elements):
        return False
    condition = statement.elements.get("Condition")
    operators = condition.items() if isinstance(condition, dict) else ()
    return not any(_narrows(operator, keys) for operator, keys in operators if isinstance(keys, dict))


def _names_anybody(elements: dict[str, Any]) -> bool:
    if "NotPrincipal" in elements:
        return True
    principal = elements.get("Principal")
    names = principal.get("AWS", []) if isinstance(principal, dict) else principal
    return "*" in (names if isinstance(names, list) else [names])


def _narrows(operator: str, keys: dict[str, Any]) -> bool:
    """Return whether an operator with its keys keeps out those whom nobody has named."""
    word = operator.lower().removeprefix("foranyvalue:")
    if word not in OPERATORS:  # `…IfExists` and `ForAllValues:` also match requests without the key
        return False
    return any(
        name.lower() in NARROWING and all(_is_fixed(name.lower(), str(value)) for value in _list(values))
        for name, values in keys.items()
    )


def _is_fixed(key: str, value: str) -> bool:
    if key == "aws:sourceip":
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            return False
        return network.prefixlen >= BROADEST[4 if isinstance(network, IPv4Network) else 6]
    if key == "aws:userid" and value.endswith(":*"):
        value = value[:-2]  # any session of one role
    if key == "s3:dataaccesspointarn" and "/" in value:
        value = value.partition("/")[0]  # the account must be fixed, the access point need not
    return "*" not in value and "?" not in value and "${" not in value


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]
