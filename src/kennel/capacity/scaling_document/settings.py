"""The stack's own settings for scaling and deployments, from its Terraform variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kennel.capacity.scaling.target_tracking import TargetTracking

Variables = Mapping[str, Mapping[str, str]]
NAMES = ("autoscaling", "endpoint", "function", "observability")


@dataclass(frozen=True)
class Settings:
    """The defaults of the stack's object variables, and what prod sets.

    Parameters
    ----------
    defaults, prod
        Values as Terraform's text, by variable and member; prod's are those that differ.
    """

    defaults: Variables
    prod: Variables

    @property
    def policy(self) -> TargetTracking:
        """The default policy."""
        scaling = self.defaults["autoscaling"]
        return TargetTracking(
            float(scaling["invocations_per_instance"]),
            int(scaling["min_instances"]),
            int(scaling["max_instances"]),
            float(scaling["scale_out_cooldown_seconds"]),
            float(scaling["scale_in_cooldown_seconds"]),
        )

    @property
    def concurrent(self) -> float:
        """The default target of concurrent requests."""
        return float(self.defaults["autoscaling"]["concurrent_requests_per_instance"])

    @property
    def instance_type(self) -> str:
        """Of the endpoint."""
        return self.defaults["endpoint"]["instance_type"]

    @property
    def function_mb(self) -> int:
        """Memory of the function."""
        return int(self.defaults["function"]["memory_mb"])

    def default(self, variable: str, member: str) -> float:
        """Return a number that is a default."""
        return float(self.defaults[variable][member])

    def in_prod(self, variable: str, member: str) -> float:
        """Return a number as prod has it."""
        return float(self.prod[variable].get(member) or self.defaults[variable][member])
