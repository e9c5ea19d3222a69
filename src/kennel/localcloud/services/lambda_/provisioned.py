"""Provisioned concurrency: initialised sandboxes, as many as are configured, kept ready."""

from __future__ import annotations

import logging
import threading

from moto.core.exceptions import ServiceException

from kennel.localcloud import LocalCloudError
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter.functions import find_version, lambda_backend
from kennel.localcloud.services.lambda_.configuration import (
    ProvisionedConcurrencyConfigs,
    ProvisionedEnvironments,
)
from kennel.localcloud.services.lambda_.function_version import FunctionVersion, read_version
from kennel.localcloud.services.lambda_.pool import sandbox_pool

log = logging.getLogger(__name__)
POLL_SECONDS = 0.5
Requests = dict[tuple[str, str], int]  # by function name and qualifier


def keep_provisioned(cloud: Cloud) -> None:
    """Watch what is configured, and provision what changed, until the cloud shuts down."""
    ended = threading.Event()
    cloud.on_shutdown(ended.set)
    threading.Thread(target=_watch, args=(cloud, ended), name="provisioned concurrency", daemon=True).start()


def _watch(cloud: Cloud, ended: threading.Event) -> None:
    provisioned: dict[FunctionVersion, Requests] = {}
    while not ended.wait(POLL_SECONDS):
        try:
            configured = _configured(cloud)
        except ServiceException as error:  # an image, say
            log.warning("provisioned concurrency: %s", error)
            continue
        for version, requests in configured.items():
            if provisioned.get(version) != requests:
                _provision(cloud, version, requests)
        for version in provisioned.keys() - configured.keys():
            sandbox_pool(cloud).release(version)
        _forget(cloud, configured)
        provisioned = configured


def _provision(cloud: Cloud, version: FunctionVersion, requests: Requests) -> None:
    """Provide what all qualifiers of a version request, and note what became of it."""
    environments, failure = cloud.store(ProvisionedEnvironments), ""
    try:
        sandbox_pool(cloud).provision(version, sum(requests.values()))
    except (LocalCloudError, ServiceException) as error:
        log.warning("function %s could not be provisioned: %s", version.name, error)
        failure = getattr(error, "message", None) or str(error)
    for key, count in requests.items():
        environments.counts[key] = 0 if failure else count
        environments.failures[key] = failure


def _forget(cloud: Cloud, configured: dict[FunctionVersion, Requests]) -> None:
    environments = cloud.store(ProvisionedEnvironments)
    requested = {key for requests in configured.values() for key in requests}
    for key in environments.counts.keys() - requested:
        environments.counts.pop(key, None)
        environments.failures.pop(key, None)


def _configured(cloud: Cloud) -> dict[FunctionVersion, Requests]:
    """Return how many sandboxes each version should have ready, for which qualifiers."""
    with cloud.lock:
        configs = dict(cloud.store(ProvisionedConcurrencyConfigs).by_key)
    backend = lambda_backend(cloud.account, cloud.region)
    requests: dict[FunctionVersion, Requests] = {}
    for (name, qualifier), config in configs.items():
        record = find_version(backend, name, qualifier)
        if record is None:
            continue  # the function is deleted, and its configuration with it
        requests.setdefault(read_version(record), {})[name, qualifier] = config.count
    return requests
