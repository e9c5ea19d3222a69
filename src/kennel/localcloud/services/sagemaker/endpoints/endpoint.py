"""An endpoint: the fleet that serves, the one that is starting, and moto's record of both."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from kennel.localcloud.clock import Participant
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.services.sagemaker.endpoints.alarm_watch import AlarmWatch
from kennel.localcloud.services.sagemaker.endpoints.deployment import ALARM_SECONDS, POLL_SECONDS, Deployment
from kennel.localcloud.services.sagemaker.endpoints.description import pending_summary
from kennel.localcloud.services.sagemaker.endpoints.fleet import Fleet
from kennel.localcloud.services.sagemaker.endpoints.plans import EndpointPlan, serverless_plan
from kennel.localcloud.services.sagemaker.endpoints.rollout import Rollout
from kennel.localcloud.services.sagemaker.endpoints.traffic import Traffic
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import LONGEST_REASON, FleetError

END_SECONDS = 10.0  # of the instances, after the order to end
FOLDER = "endpoints"  # of the unpacked models, in the cloud's folder

log = logging.getLogger(__name__)


class Endpoint:
    """An endpoint that really serves; moto's record of it is updated as its state changes.

    Attributes
    ----------
    fleet : Fleet or None
        What serves now; None before the first deployment succeeded.
    traffic : Traffic or None
        Where requests go; None as long as there is no fleet.
    plan : EndpointPlan or None
        What serves now, or else what is coming up.
    """

    def __init__(self, cloud: Cloud, record: Any) -> None:
        self._cloud, self.record = cloud, record
        self.fleet: Fleet | None = None
        self.traffic: Traffic | None = None
        self._starting: Fleet | None = None
        self._mixed: list[Fleet] = []  # what serves beside the fleet after a roll-back that failed
        self.plan: EndpointPlan | None = None
        self._deleted = threading.Event()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._cloud, self.record, self.plan)

    @property
    def serverless(self) -> bool:
        """Whether its variants have no instances of their own."""
        return bool(self.plan and any(variant.serverless for variant in self.plan.variants))

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.record.endpoint_name
        return name

    def deploy(self, plan: EndpointPlan, status: str, rollout: Rollout | None = None) -> None:
        """Bring up a configuration beside what serves, and move the traffic to it.

        Parameters
        ----------
        plan
            The endpoint configuration, resolved.
        status
            What the endpoint is meanwhile: Creating, Updating or SystemUpdating.
        rollout
            How the traffic moves, and what rolls the update back; by default all of it, at once.
        """
        self.plan = self.plan or plan
        folder = self._cloud.regional_directory / FOLDER / self.name / uuid.uuid4().hex[:8]
        new = self._starting = Fleet(self._cloud, self.name, [*plan.variants, *plan.shadows], folder)
        rollout = rollout or Rollout()
        clock = self._cloud.clock
        started = clock.now()

        def report(stage: str) -> None:
            with self._lock:
                self.record.pending_deployment_summary = pending_summary(
                    plan, started, clock.now(), stage, new.counts()
                )
                if rollout.batch and self.fleet and not self._deleted.is_set():
                    self._describe(self.fleet, "Current")
            self._cloud.changes.note()

        deployment = Deployment(
            rollout,
            AlarmWatch(self._cloud, plan.role, rollout.alarms),
            self.traffic,
            new,
            self._route,
            report,
            lambda seconds: clock.wait(seconds, self._deleted),
            clock.monotonic,
            POLL_SECONDS if clock.speed == 1 else ALARM_SECONDS,
        )
        self._set_status(status)
        report("Creating")
        participant = clock.participant(f"the deployment of {self._description}")
        threading.Thread(
            target=self._deploy, args=(plan, deployment, participant), name=f"deploy {self.name}", daemon=True
        ).start()

    def _deploy(self, plan: EndpointPlan, deployment: Deployment, participant: Participant) -> None:
        with self._cloud.clock.taking_part(participant):
            self._run(plan, deployment)

    def _run(self, plan: EndpointPlan, deployment: Deployment) -> None:
        try:
            deployment.run()
        except Exception as error:  # a fault of the local cloud must not leave the endpoint Creating
            log.exception("endpoint %s", self.name)
            deployment.reason = f"The local cloud failed: {error!r}. Its log says more."
            self.traffic = deployment.serving
        for fleet in self._settle(plan, deployment):
            fleet.retire()
        with self._lock:
            self.record.pending_deployment_summary = None
            if not self._deleted.is_set():
                # A failed update leaves the old fleet in service: its configuration, and a FailureReason.
                served = "UpdateRollbackFailed" if deployment.mixed else "InService"
                self._set_status(served if self.fleet else "Failed", deployment.reason)
        self._cloud.resuming.pop(self._description, None)

    def _settle(self, plan: EndpointPlan, deployment: Deployment) -> list[Fleet]:
        """Take what a deployment ended with; return the fleets that serve no more."""
        new, old = deployment.new, deployment.old
        with self._lock:
            self._starting = None
            if self._deleted.is_set():
                new.close()
                return [old] if old else []
            if deployment.reason:
                if old and deployment.rollout.batch:
                    self._describe(old, "Current")
                if deployment.mixed:
                    self._mixed.append(new)
                    return []
                return [new]
            retired, self._mixed = [*self._mixed, *([old] if old else [])], []
            self.fleet, self.traffic, self.plan = new, Traffic(new), plan
            self.record.endpoint_config_name = plan.configuration
            self.record.production_variants = plan.descriptions
            self.record.shadow_production_variants = plan.shadow_descriptions or None
            return retired

    def _route(self, traffic: Traffic) -> None:
        with self._lock:
            if not self._deleted.is_set():
                self.traffic = traffic

    def resume(self) -> None:
        """Bring up again what served when the local cloud ended; an update under way then is given up."""
        self.record.pending_deployment_summary = None
        status = self.record.endpoint_status
        if status == "Failed" or self.plan is None:
            return
        figures = {variant["VariantName"]: variant for variant in self.record.production_variants}
        descriptions = [figures.get(each["VariantName"], each) for each in self.plan.descriptions]
        variants = [
            replace(
                variant,
                count=int(described.get("DesiredInstanceCount", variant.count)),
                weight=float(described.get("DesiredWeight", variant.weight)),
                serverless=variant.serverless and serverless_plan(variant.serverless.config, described),
            )
            for variant, described in zip(self.plan.variants, descriptions, strict=True)
        ]
        self._cloud.resuming[self._description] = None
        self.deploy(
            replace(self.plan, variants=variants, descriptions=descriptions),
            "Creating" if status == "Creating" else "SystemUpdating",
        )

    @property
    def _description(self) -> str:
        return f"endpoint {self.name}"

    def scale(self, changes: list[dict[str, Any]]) -> None:
        """Change variants' weights and instance counts; the endpoint is Updating until they serve.

        If an instance does not start, the endpoint is RollingBack until it has its former counts and weights
        again.

        Parameters
        ----------
        changes
            UpdateEndpointWeightsAndCapacities' ``DesiredWeightsAndCapacities``.
        """
        fleet = self.fleet
        if fleet is None:
            return
        before = [variant.capacity() for variant in fleet.variants.values()]
        self._set_status("Updating")
        fleet.change(changes)
        self._describe(fleet, "Desired")

        participant = self._cloud.clock.participant(f"the scaling of {self._description}")

        def settle() -> None:
            with self._cloud.clock.taking_part(participant):
                until_settled()

        def until_settled() -> None:
            reason = ""
            try:
                fleet.wait()
            except FleetError as error:
                reason = str(error)
                self._set_status("RollingBack", reason)
                fleet.change(before)
                with contextlib.suppress(FleetError):  # the reason is known
                    fleet.wait()
            with self._lock:
                if not self._deleted.is_set():
                    for which in ("Desired", "Current"):
                        self._describe(fleet, which)
                    self._set_status("InService", reason)

        threading.Thread(target=settle, name=f"scale {self.name}", daemon=True).start()

    def _describe(self, fleet: Fleet, which: str) -> None:
        """Write what is desired, or what serves now, into moto's record."""
        for member in ("production_variants", "shadow_production_variants"):
            described = getattr(self.record, member, None)
            if described:
                figures = [fleet.variants[variant["VariantName"]].figures(which) for variant in described]
                pairs = zip(described, figures, strict=True)
                setattr(self.record, member, [{**variant, **figure} for variant, figure in pairs])

    def delete(self) -> None:
        """Stop what serves and what is starting; returns once its last log lines are written.

        The role and the log group may be deleted next: what came later would be denied, or make the group
        again.
        """
        with self._lock:
            self._cloud.clock.set(self._deleted)
            fleets = self._fleets()
            self.fleet = self.traffic = None
        instances = [instance for fleet in fleets for instance in fleet.instances()]
        for fleet in fleets:
            fleet.close()
        for instance in instances:
            instance.ended.wait(END_SECONDS)

    def fleets(self) -> list[Fleet]:
        """Return what serves: also the fleet that an update brings up."""
        with self._lock:
            return self._fleets()

    def _fleets(self) -> list[Fleet]:
        return [fleet for fleet in (self.fleet, self._starting, *self._mixed) if fleet]

    def _set_status(self, status: str, reason: str = "") -> None:
        self.record.failure_reason = reason[:LONGEST_REASON] or None
        # moto compares it with times of requests, which have no time zone.
        self.record.last_modified_time = self._cloud.clock.now().replace(tzinfo=None)
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
        shutil.rmtree(
            cloud.regional_directory / FOLDER, ignore_errors=True
        )  # the models that were unpacked before
        for endpoint in self.by_name.values():
            endpoint.resume()


def endpoints(cloud: Cloud) -> dict[str, Endpoint]:
    """Return the endpoints of this cloud, by name."""
    return cloud.store(Endpoints).by_name
