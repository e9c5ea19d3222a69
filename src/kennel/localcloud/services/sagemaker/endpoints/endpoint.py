"""An endpoint: the fleet that serves, the one that is starting, and moto's record of both."""

from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.services.sagemaker.endpoints.fleet import (
    LONGEST_REASON,
    Fleet,
    FleetError,
    VariantPlan,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EndpointPlan:
    """An endpoint configuration, resolved: what to bring up, and how DescribeEndpoint shows it."""

    configuration: str
    variants: list[VariantPlan]
    descriptions: list[dict[str, Any]]


class Endpoint:
    """An endpoint that really serves; moto's record of it is updated as its state changes.

    Attributes
    ----------
    fleet : Fleet or None
        What serves now; None before the first deployment succeeded.
    """

    def __init__(self, cloud: Cloud, record: Any) -> None:
        self._cloud, self.record = cloud, record
        self.fleet: Fleet | None = None
        self._starting: Fleet | None = None
        self._deleted = False
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.record.endpoint_name
        return name

    def deploy(self, plan: EndpointPlan, status: str) -> None:
        """Bring up a configuration beside what serves, and swap when it is healthy: blue/green.

        Parameters
        ----------
        plan
            The endpoint configuration, resolved.
        status
            What the endpoint is meanwhile: Creating or Updating.
        """
        self._set_status(status)
        folder = self._cloud.directory / "endpoints" / self.name / uuid.uuid4().hex[:8]
        self._starting = Fleet(self._cloud, self.name, plan.variants, folder)
        threading.Thread(
            target=self._deploy, args=(plan, self._starting), name=f"deploy {self.name}", daemon=True
        ).start()

    def _deploy(self, plan: EndpointPlan, fleet: Fleet) -> None:
        reason = ""
        try:
            fleet.start()
        except FleetError as error:
            reason = str(error)
        except Exception as error:  # a fault of the local cloud must not leave the endpoint Creating
            log.exception("endpoint %s", self.name)
            reason = f"The local cloud failed: {error!r}. Its log says more."
        with self._lock:
            old, self._starting = self.fleet, None
            if reason or self._deleted:
                retired: Fleet | None = fleet
            else:
                retired, self.fleet = old, fleet
                self.record.endpoint_config_name = plan.configuration
                self.record.production_variants = plan.descriptions
            if not self._deleted:
                # A failed update leaves the old fleet in service, as AWS's roll-back does.
                self._set_status("InService" if self.fleet else "Failed", reason)
        if retired:
            retired.close()

    def scale(self, changes: list[dict[str, Any]]) -> None:
        """Change variants' weights and instance counts; the endpoint is Updating until they serve.

        Parameters
        ----------
        changes
            UpdateEndpointWeightsAndCapacities' ``DesiredWeightsAndCapacities``.
        """
        fleet = self.fleet
        if fleet is None:
            return
        self._set_status("Updating")
        for change in changes:
            variant = fleet.variants[change["VariantName"]]
            if change.get("DesiredWeight") is not None:
                variant.weight = change["DesiredWeight"]
            if change.get("DesiredInstanceCount") is not None:
                variant.scale(change["DesiredInstanceCount"])
        self._describe(fleet, "Desired")

        def settle() -> None:
            reason = ""
            for variant in fleet.variants.values():
                try:
                    variant.wait()
                except FleetError as error:
                    reason = str(error)
            with self._lock:
                if not self._deleted:
                    self._describe(fleet, "Current")
                    self._set_status("InService", reason)

        threading.Thread(target=settle, name=f"scale {self.name}", daemon=True).start()

    def _describe(self, fleet: Fleet, which: str) -> None:
        """Write what is desired, or what serves now, into moto's record."""
        descriptions = []
        for variant in self.record.production_variants:
            live = fleet.variants[variant["VariantName"]]
            figures = {f"{which}Weight": live.weight, f"{which}InstanceCount": len(live.instances)}
            descriptions.append({**variant, **figures})
        self.record.production_variants = descriptions

    def delete(self) -> None:
        """Stop what serves and what is starting."""
        with self._lock:
            self._deleted = True
            fleets = [fleet for fleet in (self.fleet, self._starting) if fleet]
            self.fleet = None
        for fleet in fleets:
            fleet.close()

    def _set_status(self, status: str, reason: str = "") -> None:
        self.record.failure_reason = reason[:LONGEST_REASON] or None
        self.record.last_modified_time = datetime.now(UTC)
        self.record.endpoint_status = status


@dataclass
class Endpoints:
    """The endpoints of a cloud."""

    by_name: dict[str, Endpoint] = field(default_factory=dict)


def endpoints(cloud: Cloud) -> dict[str, Endpoint]:
    """Return the endpoints of this cloud, by name."""
    return cloud.store(Endpoints).by_name
