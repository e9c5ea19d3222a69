"""Provisioned concurrency: initialised sandboxes, as many as are configured, kept ready."""

from __future__ import annotations

import logging
import threading

from moto.core.exceptions import ServiceException

from kennel.localcloud import LocalCloudError
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter.functions import find_version, lambda_backend
from kennel.localcloud.services.lambda_.configuration import ProvisionedConcurrencyConfigs
from kennel.localcloud.services.lambda_.function_version import FunctionVersion, read_version
from kennel.localcloud.services.lambda_.pool import sandbox_pool

log = logging.getLogger(__name__)
POLL_SECONDS = 0.5


def keep_provisioned(cloud: Cloud) -> None:
    """Watch what is configured, and provision what changed, until the cloud shuts down."""
    ended = threading.Event()
    cloud.on_shutdown(ended.set)
    threading.Thread(target=_watch, args=(cloud, ended), name="provisioned concurrency", daemon=True).start()


def _watch(cloud: Cloud, ended: threading.Event) -> None:
    provisioned: dict[FunctionVersion, int] = {}
    while not ended.wait(POLL_SECONDS):
        try:
            configured = _configured(cloud)
        except ServiceException as error:  # an image, say
            log.warning("provisioned concurrency: %s", error)
            continue
        for version, count in configured.items():
            if provisioned.get(version) != count:
                try:
                    sandbox_pool(cloud).provision(version, count)
                except (LocalCloudError, ServiceException) as error:
                    log.warning("function %s could not be provisioned: %s", version.name, error)
        for version in provisioned.keys() - configured.keys():
            sandbox_pool(cloud).release(version)
        provisioned = configured


def _configured(cloud: Cloud) -> dict[FunctionVersion, int]:
    """Return how many sandboxes each version should have ready."""
    with cloud.lock:
        configs = dict(cloud.store(ProvisionedConcurrencyConfigs).by_key)
    backend = lambda_backend(cloud.account, cloud.region)
    counts: dict[FunctionVersion, int] = {}
    for (name, qualifier), config in configs.items():
        record = find_version(backend, name, qualifier)
        if record is None:
            continue  # the function is deleted, and its configuration with it
        version = read_version(record)
        counts[version] = counts.get(version, 0) + config.count
    return counts
