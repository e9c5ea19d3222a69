"""What one call needs: an action on a resource, with the condition keys that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kennel.localcloud.iam.policy import Policy


@dataclass(frozen=True)
class Need:
    """One action on one resource.

    ``bucket`` names the bucket whose policy bears on it; ``policy`` is a resource's policy without which
    identity policies count for nothing: a KMS key's, a role's trust policy.
    """

    action: str
    resource: str
    context: dict[str, str | list[str]] = field(default_factory=dict)
    bucket: str = ""
    policy: Policy | None = None
