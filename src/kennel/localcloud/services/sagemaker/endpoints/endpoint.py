"""An endpoint: the fleet that serves, the one that is starting, and moto's record of both."""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.services.sagemaker.endpoints.fleet import (
    LONGEST_REASON,
    Fleet,
    FleetError,
    VariantPlan,
)

FOLDER = "endpoints"  # of the unpacked models, in the cloud's folder

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
    plan : EndpointPlan or None
        What serves now, or else what is coming up.
    """

    def __init__(self, cloud: Cloud, record: Any) -> None:
        self._cloud, self.record = cloud, record
        self.fleet: Fleet | None = None
        self._starting: Fleet | None = None
        self.plan: EndpointPlan | None = None
        self._deleted = False
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._cloud, self.record, self.plan)

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
        self.plan = self.plan or plan
        folder = self._cloud.directory / FOLDER / self.name / uuid.uuid4().hex[:8]
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
                retired, self.fleet, self.plan = old, fleet, plan
                self.record.endpoint_config_name = plan.configuration
                self.record.production_variants = plan.descriptions
            if not self._deleted:
                # A failed update leaves the old fleet in service, as AWS's roll-back does.
                self._set_status("InService" if self.fleet else "Failed", reason)
        self._cloud.resuming.pop(self._description, None)
        if retired:
            retired.close()

    def resume(self) -> None:
        """Bring up again what served when the local cloud ended; an update under way then is given up."""
        status = self.record.endpoint_status
        if status == "Failed" or self.plan is None:
            return
        figures = {variant["VariantName"]: variant for variant in self.record.production_variants}
        descriptions = [figures.get(each["VariantName"], each) for each in self.plan.descriptions]
        variants = [
            replace(
                variant,
                count=int(described.get("DesiredInstanceCount") or variant.count),
                weight=float(described.get("DesiredWeight", variant.weight)),
            )
            for variant, described in zip(self.plan.variants, descriptions, strict=True)
        ]
        self._cloud.resuming[self._description] = None
        self.deploy(
            EndpointPlan(self.plan.configuration, variants, descriptions),
            "Creating" if status == "Creating" else "SystemUpdating",
        )

    @property
    def _description(self) -> str:
        return f"endpoint {self.name}"

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
        self._cloud.changes.note()


def _restored(cloud: Cloud, record: Any, plan: EndpointPlan | None) -> Endpoint:
    """Return an endpoint of a snapshot, whose instances do not run."""
    endpoint = Endpoint(cloud, record)
    endpoint.plan = plan
    return endpoint


@dataclass
class Endpoints(KeptStore):
    """The endpoints of a cloud."""

    by_name: dict[str, Endpoint] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """Bring every endpoint up again."""
        shutil.rmtree(cloud.directory / FOLDER, ignore_errors=True)  # the models that were unpacked before
        for endpoint in self.by_name.values():
            endpoint.resume()


def endpoints(cloud: Cloud) -> dict[str, Endpoint]:
    """Return the endpoints of this cloud, by name."""
    return cloud.store(Endpoints).by_name
