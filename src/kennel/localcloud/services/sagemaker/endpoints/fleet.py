"""An endpoint's variants under one endpoint configuration, with their models and weights."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import EndpointInstance
from kennel.localcloud.services.sagemaker.endpoints.serverless import ServerlessVariant
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import VariantPlan


class Fleet:
    """All variants of an endpoint configuration; `start` brings them up, `close` ends them.

    Parameters
    ----------
    cloud, endpoint
        The local cloud, and the endpoint's name.
    plans : list of VariantPlan
        Its production variants.
    folder : Path
        Where the models are unpacked.
    """

    def __init__(self, cloud: Cloud, endpoint: str, plans: list[VariantPlan], folder: Path) -> None:
        self.variants: dict[str, Variant] = {}
        for plan in plans:
            kind = ServerlessVariant if plan.serverless else Variant
            self.variants[plan.name] = kind(cloud, endpoint, plan, folder / plan.name)

    def start(self, counts: Mapping[str, int] | None = None) -> None:
        """Bring every instance up, and wait for them.

        Parameters
        ----------
        counts
            How many of each variant, for a fleet that grows later; by default as many as it wants.

        Raises
        ------
        FleetError
            A variant did not come up.
        """
        for variant in self.variants.values():
            variant.prepare()
        self.scale(counts or self.wanted())
        self.wait()

    def wanted(self) -> dict[str, int]:
        """Return how many instances each variant was configured with."""
        return {name: variant.plan.count for name, variant in self.variants.items()}

    def instances(self) -> list[EndpointInstance]:
        """Return the instances of all variants."""
        return [instance for variant in self.variants.values() for instance in variant.instances]

    def counts(self) -> dict[str, int]:
        """Return how many instances each variant has."""
        return {name: len(variant.instances) for name, variant in self.variants.items()}

    def scale(self, counts: Mapping[str, int]) -> None:
        """Start or retire instances of the named variants; does not wait for them."""
        for name, count in counts.items():
            self.variants[name].scale(count)

    def change(self, changes: list[dict[str, Any]]) -> None:
        """Change weights and instance counts; does not wait for instances.

        Parameters
        ----------
        changes
            UpdateEndpointWeightsAndCapacities' ``DesiredWeightsAndCapacities``.
        """
        for change in changes:
            self.variants[change["VariantName"]].change(change)

    def wait(self) -> None:
        """Wait until every instance serves.

        Raises
        ------
        FleetError
            One did not start.
        """
        for variant in self.variants.values():
            variant.wait()

    def choose(self, target: str | None) -> Variant:
        """Return the variant that a request goes to: the named one, or one drawn by weight.

        Raises
        ------
        KeyError
            There is none of that name.
        """
        variants = [variant for variant in self.variants.values() if not variant.plan.shadow]
        if target is not None:
            return {variant.plan.name: variant for variant in variants}[target]
        if len(variants) == 1:
            return variants[0]
        weights = [variant.weight for variant in variants]
        return random.choices(variants, weights if any(weights) else None)[0]  # noqa: S311 - traffic, not a secret

    def shadows(self, variant: Variant) -> list[Variant]:
        """Return the shadow variants that get a copy of a request which went to a variant.

        A shadow gets as many of its requests as their weights say, all if its own is not smaller.
        """
        return [
            shadow
            for shadow in self.variants.values()
            if shadow.plan.shadow and random.random() * variant.weight < shadow.weight  # noqa: S311 - traffic, not a secret
        ]

    def retire(self) -> None:
        """Stop everything, once it has answered what it is working on."""
        for variant in self.variants.values():
            variant.retire()

    def close(self) -> None:
        """Stop everything."""
        for variant in self.variants.values():
            variant.close()
