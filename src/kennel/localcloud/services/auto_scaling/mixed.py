"""Mixed instances policies: the first override is launched, on demand, as the prioritized strategy says.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/allocation-strategies.html
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.auto_scaling.activities import SERVICE

PRIORITIZED = "prioritized"
ALL, HEAVIEST = 100, 999
MIXED = refusal(
    SERVICE,
    "mixed policies with spot instances, lowest prices, attributes, or templates and images of overrides",
    "name types in overrides, with the strategy prioritized, wholly on demand",
    "ValidationError",
)


def check_mixed(policy: dict[str, Any] | None) -> None:
    """Refuse a policy that is not valid, and what of one cannot be honoured.

    Raises
    ------
    AwsError
        ``ValidationError``.
    """
    if not policy:
        return
    distribution = policy.get("InstancesDistribution") or {}
    overrides = (policy.get("LaunchTemplate") or {}).get("Overrides") or []
    for name in ("InstanceRequirements", "LaunchTemplateSpecification", "ImageId"):
        if any(override.get(name) for override in overrides):
            raise MIXED.error(f"{name} in overrides of mixed policies")
    if distribution.get("OnDemandPercentageAboveBaseCapacity", ALL) < ALL:
        raise MIXED.error("spot instances in groups (OnDemandPercentageAboveBaseCapacity below 100)")
    strategy = distribution.get("OnDemandAllocationStrategy") or PRIORITIZED
    if strategy not in (PRIORITIZED, "lowest-price"):
        raise AwsError("ValidationError", f"Unknown on-demand allocation strategy {strategy}")
    if strategy != PRIORITIZED and len(overrides) > 1:
        raise MIXED.error(f"strategy {strategy} of mixed policies")
    weights = [override.get("WeightedCapacity") for override in overrides]
    if any(weights) and not all(weights):
        raise AwsError("ValidationError", "Weights must be specified for all of the instance types, or none")
    for weight in weights:
        if weight and not (weight.isdigit() and 1 <= int(weight) <= HEAVIEST):
            raise AwsError("ValidationError", f"WeightedCapacity {weight} must be from 1 to {HEAVIEST}")
