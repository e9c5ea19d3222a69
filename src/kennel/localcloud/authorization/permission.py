"""What one call needs: an action on a resource, with the condition keys that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kennel.localcloud.policy.policy import Policy


@dataclass(frozen=True)
class Need:
    """One action on one resource.

    ``bucket`` names the bucket whose policy bears on it; ``policy`` is another resource's policy. Where it
    ``decides`` (a KMS key's, a role's trust policy), identity policies count for nothing without it.
    """

    action: str
    resource: str
    context: dict[str, str | list[str]] = field(default_factory=dict)
    bucket: str = ""
    policy: Policy | None = None
    decides: bool = False
