"""What is kept of the policies of groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kennel.capacity.scaling.cooldowns import Memory
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore

SIMPLE, STEP, TRACKING = "SimpleScaling", "StepScaling", "TargetTrackingScaling"


@dataclass
class Policy:
    """A policy of a group.

    Attributes
    ----------
    arn, parameters
        Its ARN, and what it was put with.
    alarms
        The names of the alarms that were made for target tracking: the high one, then the low one.
    """

    arn: str
    parameters: dict[str, Any]
    alarms: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Its PolicyType."""
        return str(self.parameters.get("PolicyType") or SIMPLE)


@dataclass
class OfGroup:
    """The policies of a group by name, and the cooldown of its last scaling by one."""

    policies: dict[str, Policy] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)


@dataclass
class Policies(KeptStore):
    """What is kept of the groups of a region, by their ARNs."""

    by_group: dict[str, OfGroup] = field(default_factory=dict)


def policies_of(cloud: Cloud, group: Any) -> OfGroup:
    """Return what is kept of a group's policies, to read or to change."""
    return cloud.store(Policies).by_group.setdefault(group.arn, OfGroup())
