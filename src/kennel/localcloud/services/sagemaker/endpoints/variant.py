"""The instances of one production variant, and which of them gets a request."""

from __future__ import annotations

import math
import random
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel import archives
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.opt_ml import ContainerRoot
from kennel.localcloud.runtime.role_session import error_text, role_session
from kennel.localcloud.runtime.workload import temporary_folder
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import (
    EndpointInstance,
    InstanceSettings,
)
from kennel.localcloud.services.sagemaker.endpoints.launch import launch_seconds
from kennel.localcloud.services.sagemaker.endpoints.model_servers import model_server
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import (
    LEAST_OUTSTANDING,
    LONGEST_REASON,
    SERVICE,
    SESSION,
    FleetError,
    VariantPlan,
)


class Variant:
    """A production variant that serves: its instances come and go, requests are spread over them.

    Parameters
    ----------
    cloud, endpoint
        The local cloud, and the endpoint's name.
    plan
        The variant as configured.
    folder
        Where its model is unpacked.
    """

    def __init__(self, cloud: Cloud, endpoint: str, plan: VariantPlan, folder: Path) -> None:
        self._cloud, self._endpoint, self.plan = cloud, endpoint, plan
        self.weight, self.instances = plan.weight, list[EndpointInstance]()
        self._root = ContainerRoot(folder, temporary_folder(cloud))
        self._settings: InstanceSettings | None = None
        self._lock, self._claims = threading.Lock(), threading.Lock()

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
                archives.unpack(packed, model)
                packed.unlink()
            elif plan.data_url:
                storage.download(s3, plan.data_url, model)
        except (ClientError, ServiceException) as error:
            raise FleetError(
                f"Failed to download model data for container of production variant {plan.name} from URL: "
                f'"{plan.data_url}". Please ensure that there is an object located at the URL and that the '
                f'role "{plan.role}" has permission to access it. {error_text(error)}'
            ) from error
        except (OSError, storage.StorageError) as error:
            raise FleetError(
                f"Failed to extract model data for container of production variant {plan.name} from URL: "
                f'"{plan.data_url}". {error}'
            ) from error
        model.mkdir(exist_ok=True)
        self._root.rewrite(model / "code")
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
            log_group=plan.log_group or f"/aws/sagemaker/Endpoints/{self._endpoint}",
        )

    def scale(self, count: int) -> None:
        """Start or retire instances until there are `count`; does not wait for them."""
        with self._lock:
            while len(self.instances) < count and self._settings:
                seconds = 0.0 if self.plan.serverless else launch_seconds(self._cloud)
                instance = EndpointInstance(self._cloud, self._settings, seconds)
                self.instances = [*self.instances, instance]
                instance.start()
        self._retire(self._take(count))

    @staticmethod
    def _retire(instances: list[EndpointInstance]) -> None:
        for instance in instances:
            threading.Thread(target=instance.retire, name=f"retire {instance.name}", daemon=True).start()

    def _take(self, count: int) -> list[EndpointInstance]:
        """Take all but `count` instances out of service and return them."""
        with self._lock:
            surplus, self.instances = self.instances[count:], self.instances[:count]
        return surplus

    def change(self, change: Mapping[str, Any]) -> None:
        """Change weight and instance count, as one of ``DesiredWeightsAndCapacities`` says; does not wait."""
        if change.get("DesiredWeight") is not None:
            self.weight = change["DesiredWeight"]
        if change.get("DesiredInstanceCount") is not None:
            self.scale(change["DesiredInstanceCount"])

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

    @property
    def serving(self) -> list[EndpointInstance]:
        """The instances that take requests now."""
        return [instance for instance in self.instances if instance.serving]

    def claim(self) -> EndpointInstance | None:
        """Return an instance that holds a place for one request; None if none is in service.

        The RoutingStrategy decides which: any, or one that works on the fewest requests.
        """
        with self._claims:  # of two requests at the same time, the second sees the first one's place
            candidates = self.serving
            random.shuffle(candidates)
            if self.plan.routing == LEAST_OUTSTANDING:
                candidates.sort(key=lambda instance: instance.outstanding)
            return next((instance for instance in candidates if instance.hold()), None)

    def figures(self, which: str) -> dict[str, Any]:
        """Return the variant's weight and capacity as DescribeEndpoint shows them.

        Parameters
        ----------
        which
            ``Current`` or ``Desired``: the first part of the members' names.
        """
        return {f"{which}Weight": self.weight, f"{which}InstanceCount": len(self.instances)}

    def capacity(self) -> dict[str, Any]:
        """Return what one of ``DesiredWeightsAndCapacities`` says to have the variant as it is."""
        return {"VariantName": self.plan.name, **self.figures("Desired")}

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


def _startup_failure(variant: str, instance: EndpointInstance) -> str:
    log_end = "\n".join(line for line in instance.last_lines if line.strip())
    head = (
        f"The primary container for production variant {variant} did not pass the ping health check: "
        f"{instance.failure}. Please check CloudWatch logs for this endpoint. Its last lines: "
    )
    return head + log_end[-(LONGEST_REASON - len(head)) :]
