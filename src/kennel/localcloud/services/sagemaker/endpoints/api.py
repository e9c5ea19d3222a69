"""SageMaker's endpoints: moto keeps their records, and the local cloud runs their instances."""

from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response, Unchanged
from kennel.localcloud.services.sagemaker.endpoints.description import (
    describe_variants,
    find_config,
    find_endpoint,
    retain,
)
from kennel.localcloud.services.sagemaker.endpoints.fleet import (
    LONGEST_REASON,
    DeploymentError,
    Fleet,
    VariantPlan,
    read_plans,
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
        except DeploymentError as error:
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
                except DeploymentError as error:
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


@operation("sagemaker", "CreateEndpoint")
def create_endpoint(call: Call) -> Response:
    """Record an endpoint through moto, then bring it up."""
    name, backend = call.parameters["EndpointName"], call.backend()
    if name in backend.endpoints:
        arn = call.arn(f"endpoint/{name}")
        raise AwsError("ValidationException", f'Cannot create already existing endpoint "{arn}".')
    config = find_config(call)
    plan = _plan(call, config, describe_variants(config))
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    endpoint = Endpoint(call.cloud, backend.endpoints[name])
    endpoint.record.production_variants = plan.descriptions
    endpoint.record.last_deployment_config = call.parameters.get("DeploymentConfig")
    endpoints(call.cloud)[name] = endpoint
    endpoint.deploy(plan, "Creating")
    return response


@operation("sagemaker", "UpdateEndpoint")
def update_endpoint(call: Call) -> dict[str, Any]:
    """Bring up another configuration beside what serves, and swap when it is healthy.

    Counts and weights go back to the new configuration's initial ones, unless the caller retains all
    variant properties (but for those it excludes), as on AWS. moto has no such operation.
    """
    endpoint, config = _settled_endpoint(call), find_config(call)
    descriptions = describe_variants(config)
    if call.parameters.get("RetainAllVariantProperties"):
        excluded = call.parameters.get("ExcludeRetainedVariantProperties") or []
        retain(
            descriptions,
            endpoint.record.production_variants,
            {item["VariantPropertyType"] for item in excluded},
        )
    plan = _plan(call, config, descriptions)
    if not call.parameters.get("RetainDeploymentConfig"):
        endpoint.record.last_deployment_config = call.parameters.get("DeploymentConfig")
    endpoint.deploy(plan, "Updating")
    return {"EndpointArn": endpoint.record.arn}


@operation("sagemaker", "UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(call: Call) -> dict[str, Any]:
    """Change weights and instance counts of what serves; moto removes those that a request leaves out."""
    endpoint = _settled_endpoint(call)
    changes = call.parameters["DesiredWeightsAndCapacities"]
    known = {variant["VariantName"] for variant in endpoint.record.production_variants}
    for change in changes:
        if change["VariantName"] not in known:
            raise AwsError(
                "ValidationException",
                f'The variant name(s) "{change["VariantName"]}" is/are not present within endpoint '
                f'configuration "{endpoint.record.endpoint_config_name}".',
            )
    endpoint.scale(changes)
    return {"EndpointArn": endpoint.record.arn}


@operation("sagemaker", "DeleteEndpoint")
def delete_endpoint(call: Call) -> Response:
    """Delete an endpoint and stop its instances."""
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    endpoint = endpoints(call.cloud).pop(call.parameters["EndpointName"], None)
    if endpoint:
        endpoint.delete()
    return response


def _settled_endpoint(call: Call) -> Endpoint:
    """Return a call's endpoint, which is neither coming up nor being updated.

    Raises
    ------
    AwsError
        There is none, or its status is another than InService and Failed.
    """
    record = find_endpoint(call)
    if record.endpoint_status not in ("InService", "Failed"):
        raise AwsError(
            "ValidationException",
            f'Cannot update in-progress endpoint "{record.arn}": its status is {record.endpoint_status}.',
        )
    return endpoints(call.cloud)[record.endpoint_name]


def _plan(call: Call, config: Any, descriptions: list[dict[str, Any]]) -> EndpointPlan:
    try:
        variants = read_plans(call.backend(), config, descriptions)
    except DeploymentError as error:
        raise AwsError("ValidationException", str(error)) from error
    return EndpointPlan(config.endpoint_config_name, variants, descriptions)
