"""An endpoint's instances under one endpoint configuration: variants with their models and weights."""

from __future__ import annotations

import itertools
import math
import random
import shutil
import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.opt_ml import ContainerRoot
from kennel.localcloud.runtime.role_session import error_text, role_session
from kennel.localcloud.runtime.workload import temporary_folder
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import (
    EndpointInstance,
    InstanceSettings,
)
from kennel.localcloud.services.sagemaker.endpoints.model_servers import model_server

SERVICE, SESSION = "sagemaker.amazonaws.com", "SageMaker"
STARTUP_SECONDS = 480.0  # the health check's limit on AWS
LONGEST_REASON = 1024


class FleetError(Exception):
    """The fleet did not come up; the text is the endpoint's FailureReason."""


@dataclass(frozen=True)
class VariantPlan:
    """A production variant as configured, with its model."""

    name: str
    count: int
    weight: float
    startup_seconds: float
    role: str
    image: str
    instance_type: str
    data_url: str
    compressed: bool
    variables: dict[str, str]
    isolated: bool = False


class Variant:
    """The instances of one production variant."""

    def __init__(self, cloud: Cloud, endpoint: str, plan: VariantPlan, folder: Path) -> None:
        self._cloud, self._endpoint, self.plan = cloud, endpoint, plan
        self.weight, self.instances = plan.weight, list[EndpointInstance]()
        self._root = ContainerRoot(folder, temporary_folder(cloud))
        self._settings: InstanceSettings | None = None
        self._lock = threading.Lock()
        self._turns = itertools.count()

    def prepare(self) -> None:
        """Download and unpack the model with the model's own role.

        Raises
        ------
        FleetError
            It is not there, not readable for the role, or not an archive.
        """
        plan, model = self.plan, self._root.path / "model"
        try:
            session = role_session(self._cloud, plan.role, SERVICE, SESSION)
            s3 = session.client("s3")
            if plan.data_url and plan.compressed:
                packed = self._root.path / "model.tar.gz"
                storage.download_file(s3, plan.data_url, packed)
                with tarfile.open(packed) as archive:
                    archive.extractall(model, filter="data")
                packed.unlink()
            elif plan.data_url:
                storage.download(s3, plan.data_url, model)
        except (ClientError, ServiceException) as error:
            raise FleetError(
                f"Failed to download model data for container of production variant {plan.name} from URL: "
                f'"{plan.data_url}". Please ensure that there is an object located at the URL and that the '
                f'role "{plan.role}" has permission to access it. {error_text(error)}'
            ) from error
        except (tarfile.TarError, OSError, EOFError, storage.StorageError) as error:
            raise FleetError(
                f"Failed to extract model data for container of production variant {plan.name} from URL: "
                f'"{plan.data_url}". {error}'
            ) from error
        model.mkdir(exist_ok=True)
        variables = {name: self._root.text(value) for name, value in plan.variables.items()}
        self._settings = InstanceSettings(
            endpoint=self._endpoint,
            variant=plan.name,
            session=session,
            base=self._root.path,
            server=model_server(plan.image),
            isolated=plan.isolated,
            variables=variables,
            startup_seconds=plan.startup_seconds,
        )

    def scale(self, count: int) -> None:
        """Start or retire instances until there are `count`; does not wait for them."""
        with self._lock:
            while len(self.instances) < count and self._settings:
                instance = EndpointInstance(self._cloud, self._settings)
                self.instances = [*self.instances, instance]
                instance.start()
        for instance in self._take(count):
            threading.Thread(target=instance.retire, name=f"retire {instance.name}", daemon=True).start()

    def _take(self, count: int) -> list[EndpointInstance]:
        """Take all but `count` instances out of service and return them."""
        with self._lock:
            surplus, self.instances = self.instances[count:], self.instances[:count]
        return surplus

    def wait(self) -> None:
        """Wait until every instance serves.

        Raises
        ------
        FleetError
            An instance did not start; the text has the last lines of its log.
        """
        for instance in self.instances:
            self._cloud.clock.wait(math.inf, instance.settled)
        for instance in self.instances:
            if instance.failure:
                raise FleetError(_startup_failure(self.plan.name, instance))

    def pick(self) -> EndpointInstance | None:
        """Return the next instance that serves, in turn; None if none does."""
        instances = self.instances
        for _ in instances:
            instance = instances[next(self._turns) % len(instances)]
            if instance.serving:
                return instance
        return None

    def retire(self) -> None:
        """Stop every instance once it has answered what it is working on, then as `close`."""
        for instance in self._take(0):
            instance.retire()
        self.close()

    def close(self) -> None:
        """Stop every instance and remove the unpacked model."""
        for instance in self._take(0):
            instance.close()
        self._root.close()
        shutil.rmtree(self._root.folder, ignore_errors=True)


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
        self.variants = {plan.name: Variant(cloud, endpoint, plan, folder / plan.name) for plan in plans}

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
            variant = self.variants[change["VariantName"]]
            if change.get("DesiredWeight") is not None:
                variant.weight = change["DesiredWeight"]
            if change.get("DesiredInstanceCount") is not None:
                variant.scale(change["DesiredInstanceCount"])

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
        if target is not None:
            return self.variants[target]
        variants = list(self.variants.values())
        if len(variants) == 1:
            return variants[0]
        weights = [variant.weight for variant in variants]
        return random.choices(variants, weights if any(weights) else None)[0]  # noqa: S311 - traffic, not a secret

    def retire(self) -> None:
        """Stop everything, once it has answered what it is working on."""
        for variant in self.variants.values():
            variant.retire()

    def close(self) -> None:
        """Stop everything."""
        for variant in self.variants.values():
            variant.close()


def _startup_failure(variant: str, instance: EndpointInstance) -> str:
    log_end = "\n".join(line for line in instance.last_lines if line.strip())
    head = (
        f"The primary container for production variant {variant} did not pass the ping health check: "
        f"{instance.failure}. Please check CloudWatch logs for this endpoint. Its last lines: "
    )
    return head + log_end[-(LONGEST_REASON - len(head)) :]
