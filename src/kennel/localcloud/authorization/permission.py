"""What a call requires: an action on a resource, with the condition keys and the policy that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.policy.evaluate import ResourcePolicy


@dataclass(frozen=True)
class RequiredPermission:
    """One action on one resource.

    Attributes
    ----------
    context
        Condition keys of this permission alone, beside those of the whole request.
    resource_policy
        The policy of the resource, or of the bucket that the resource is in.
    """

    action: str
    resource: str
    context: ConditionKeys = field(default_factory=dict)
    resource_policy: ResourcePolicy | None = None
