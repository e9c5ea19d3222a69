"""Provisioned concurrency: as many initialised sandboxes as the control plane was told to keep."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from moto.core.exceptions import ServiceException

from kennel.localcloud import LocalCloudError
from kennel.localcloud.services.lambda_.configuration import ProvisionedConcurrencyConfigs
from kennel.localcloud.services.lambda_.invoke import deployed, version_of
from kennel.localcloud.services.lambda_.pool import sandbox_pool

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud
    from kennel.localcloud.services.lambda_.deployment import Deployment

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.5


def keep_provisioned(cloud: Cloud) -> None:
    """Watch what is configured, and provision what changed, until the cloud shuts down."""
    ended = threading.Event()
    cloud.on_shutdown(ended.set)
    threading.Thread(target=_watch, args=(cloud, ended), name="provisioned concurrency", daemon=True).start()


def _watch(cloud: Cloud, ended: threading.Event) -> None:
    done: dict[Deployment, int] = {}
    while not ended.wait(LOOK_SECONDS):
        try:
            wanted = _wanted(cloud)
        except ServiceException as error:  # an image, say
            log.warning("provisioned concurrency: %s", error)
            continue
        for deployment, count in wanted.items():
            if done.get(deployment) != count:
                try:
                    sandbox_pool(cloud).provision(deployment, count)
                except (LocalCloudError, ServiceException) as error:
                    log.warning("function %s could not be provisioned: %s", deployment.name, error)
        for deployment in done.keys() - wanted.keys():
            sandbox_pool(cloud).release(deployment)
        done = wanted


def _wanted(cloud: Cloud) -> dict[Deployment, int]:
    """Return how many sandboxes each deployment should have ready."""
    from moto.awslambda.models import lambda_backends

    with cloud.lock:
        configured = {
            key: config.count for key, config in cloud.store(ProvisionedConcurrencyConfigs).by_key.items()
        }
    storage = lambda_backends[cloud.account][cloud.region]._lambdas
    wanted: dict[Deployment, int] = {}
    for (name, qualifier), count in configured.items():
        function = version_of(storage, name, qualifier)
        if function is None:
            continue  # the function is gone, and its configuration with it
        deployment = deployed(function)
        wanted[deployment] = wanted.get(deployment, 0) + count
    return wanted
