"""A serverless variant: an environment for each concurrent request, started when it is needed.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import EndpointInstance
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import FleetError, ServerlessPlan

IDLE_SECONDS = 300.0  # how long AWS keeps an idle environment is not published; minutes
LONGEST_BODY = 4 * 1024 * 1024  # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html


class ServerlessVariant(Variant):
    """A variant whose environments come with the requests and go when they idle.

    Each environment works on one request at a time. Those of the provisioned concurrency are always there;
    when an endpoint comes up, one at least is started, which shows that the model loads.
    """

    @property
    def limits(self) -> ServerlessPlan:
        """Its memory and concurrency."""
        assert self.plan.serverless is not None
        return self.plan.serverless

    @property
    def busy(self) -> int:
        """How many requests are under way."""
        return sum(instance.outstanding for instance in self.instances)

    def scale(self, count: int) -> None:
        """Start environments until the provisioned ones are there, one at least; none of them ends yet."""
        super().scale(max(len(self.instances), self.limits.provisioned, min(count, 1)))

    def change(self, change: Mapping[str, Any]) -> None:
        """Change weight and concurrency, as one of ``DesiredWeightsAndCapacities`` says; does not wait."""
        if change.get("DesiredWeight") is not None:
            self.weight = change["DesiredWeight"]
        update = change.get("ServerlessUpdateConfig") or {}
        limits = replace(
            self.limits,
            concurrency=update.get("MaxConcurrency", self.limits.concurrency),
            provisioned=update.get("ProvisionedConcurrency", self.limits.provisioned),
        )
        self.plan = replace(self.plan, serverless=limits)
        self.scale(0)

    def claim(self) -> EndpointInstance | None:
        """Return an environment that holds a place for one request, which may wait for its start.

        Raises
        ------
        AwsError
            ``ThrottlingException``: as many requests as may be are under way.
        """
        with self._claims:
            if self.busy >= self.limits.concurrency:
                raise AwsError("ThrottlingException", "Rate exceeded", 400)
            idle = [instance for instance in self.serving if not instance.outstanding]
            # The last used: the others can age.
            for instance in sorted(idle, key=lambda each: each.idle_since, reverse=True):
                if instance.hold():
                    return instance
            started = self._start()
        return self._started(started) if started else None

    def _start(self) -> EndpointInstance | None:
        with self._lock:
            if self._settings is None:
                return None
            instance = EndpointInstance(self._cloud, self._settings)
            instance.reserve()
            self.instances = [*self.instances, instance]
        instance.start()
        return instance

    def _started(self, instance: EndpointInstance) -> EndpointInstance | None:
        """Wait for a cold start; None if the environment does not come up."""
        began = time.monotonic()
        self._cloud.clock.wait(math.inf, instance.settled)
        instance.setup_seconds = time.monotonic() - began
        if instance.failure:
            instance.release()
            self._remove([instance])
            return None
        return instance

    def end_idle(self) -> None:
        """End the environments that have idled for long, but for the provisioned ones."""
        oldest = self._cloud.clock.monotonic() - IDLE_SECONDS
        with self._claims:
            idle = [each for each in self.instances if not each.outstanding and each.idle_since < oldest]
            surplus = idle[: max(0, len(self.instances) - self.limits.provisioned)]
            self._remove(surplus)
        self._retire(surplus)

    def _remove(self, instances: list[EndpointInstance]) -> None:
        with self._lock:
            self.instances = [each for each in self.instances if each not in instances]

    def wait(self) -> None:
        """Wait for the environments that start; see `Variant`. Those that do not start go."""
        try:
            super().wait()
        except FleetError:
            self._remove([instance for instance in self.instances if instance.failure])
            raise

    def figures(self, which: str) -> dict[str, Any]:
        """Return the variant's weight and concurrency as DescribeEndpoint shows them; see `Variant`."""
        return {f"{which}Weight": self.weight, f"{which}ServerlessConfig": self.limits.config}

    def capacity(self) -> dict[str, Any]:
        """Return what one of ``DesiredWeightsAndCapacities`` says to have the variant as it is."""
        limits = self.limits
        return {
            "VariantName": self.plan.name,
            "DesiredWeight": self.weight,
            "ServerlessUpdateConfig": {
                "MaxConcurrency": limits.concurrency,
                "ProvisionedConcurrency": limits.provisioned,
            },
        }
