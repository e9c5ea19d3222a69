"""The rules that the project's checks apply to a policy's statements. No checkov in here."""

from __future__ import annotations

import re
from typing import Any

from statements import Statement, is_reference, texts

# Services that set aws:SourceAccount when they assume a role. EC2 does not: an instance role that asks for it
# cannot be assumed (https://github.com/prowler-cloud/prowler/issues/2810).
VOUCHING = ("sagemaker.amazonaws.com", "lambda.amazonaws.com")
_WHOLE_SERVICE = re.compile(r"^(\*|[a-z0-9-]+:\*|\*:\*)$", re.IGNORECASE)


def too_wide(statement: Statement) -> bool:
    """Return whether a statement grants every action, or every action of a service.

    A key's own policy may hand ``kms:*`` to the account's root: that is how KMS delegates to IAM, and ``*``
    means this key there.
    """
    if not statement.allows:
        return False
    if statement.not_actions:
        return True
    wide = [action for action in statement.actions or [] if _WHOLE_SERVICE.match(action)]
    delegates = bool(statement.principals) and all(
        kind == "AWS" and name.endswith(":root") for kind, name in statement.principals
    )
    return any(action.lower() != "kms:*" or not delegates for action in wide)


def passes_any_role(statement: Statement) -> bool:
    """Return whether a statement lets any role be passed, or a role to any service."""
    if not statement.grants("iam:PassRole"):
        return False
    any_role = statement.not_resources or any(
        resource in ("*", "arn:*") or resource.endswith(":role/*") for resource in statement.resources
    )
    return any_role or not statement.tests("iam:PassedToService")


def unvouched_trust(statement: Statement, for_each: Any = None) -> bool:
    """Return whether a service that could name its account may assume the role without doing so.

    Parameters
    ----------
    for_each
        The block's own ``for_each``, in which principals that are written ``each.value`` are looked up.
    """
    if not (statement.grants("sts:AssumeRole") or statement.actions is None):
        return False
    named = [name for kind, name in statement.principals if kind == "Service"]
    services = {name for name in named if name in VOUCHING}
    if any(is_reference(name) for name in named):
        services |= {text for text in texts(for_each) if text in VOUCHING} if for_each else set(VOUCHING)
    if not services or any(statement.tests(name) for name in ("aws:SourceAccount", "aws:SourceArn")):
        return False
    return not any(
        name.lower() in ("aws:sourceaccount", "aws:sourcearn") and _covers(when, services)
        for when, name in statement.dynamic_conditions
    )


def _covers(when: str, services: set[str]) -> bool:
    """Return whether a dynamic condition is there for all these services, as far as its text tells."""
    return all(service in when for service in services) if "?" in when else bool(when.strip())
