"""What SageMaker publishes about endpoints: each invocation, and what the instances use.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-monitoring.html
"""

from __future__ import annotations

import functools
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

from kennel.localcloud import host_limit
from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.runtime import cloudwatch_metrics as metrics
from kennel.localcloud.runtime.process_usage import Usage, tree_usage
from kennel.localcloud.services.sagemaker.endpoints.endpoint import endpoints
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import EndpointInstance
from kennel.localcloud.services.sagemaker.endpoints.serverless import ServerlessVariant
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant

INVOCATIONS, INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
UTILIZATION_SECONDS, CONCURRENCY_SECONDS = 60.0, 10.0


@dataclass(frozen=True)
class Invocation:
    """One invocation as it is measured.

    Attributes
    ----------
    seconds, model_seconds
        Until the response, as a whole and in the model.
    status
        The model's; 0 if it gave none.
    instance
        Which worked on it; None if none did.
    """

    seconds: float
    model_seconds: float
    status: int
    instance: EndpointInstance | None


def publish_invocation(cloud: Cloud, endpoint: str, variant: Variant, invocation: Invocation) -> None:
    """Publish what an invocation took and how it ended; times are in microseconds."""
    status = invocation.status
    values: dict[str, float] = {
        "Invocations": 1,
        "ModelLatency": invocation.model_seconds * 1e6,
        "OverheadLatency": (invocation.seconds - invocation.model_seconds) * 1e6,
        "Invocation4XXErrors": int(400 <= status < 500),
        "Invocation5XXErrors": int(status >= 500 or status == 0),
        "InvocationModelErrors": int(status >= 400 or status == 0),
    }
    if isinstance(variant, ServerlessVariant):
        values |= _serverless_values(variant, invocation.instance)
    else:
        values["InvocationsPerInstance"] = 1 / max(1, len(variant.serving))
    metrics.publish(
        cloud, INVOCATIONS, _dimensions(endpoint, variant), resolution=int(UTILIZATION_SECONDS), **values
    )


def _serverless_values(variant: ServerlessVariant, instance: EndpointInstance | None) -> dict[str, float]:
    limits, busy = variant.limits, variant.busy + 1  # this one has just ended
    values: dict[str, float] = {"ServerlessConcurrentExecutionsUtilization": busy / limits.concurrency}
    if instance and instance.setup_seconds:
        values["ModelSetupTime"], instance.setup_seconds = instance.setup_seconds * 1e6, 0.0
    if limits.provisioned:
        within = min(busy, limits.provisioned)
        spilled = int(busy > limits.provisioned)
        values |= {
            "ServerlessProvisionedConcurrencyExecutions": within,
            "ServerlessProvisionedConcurrencyUtilization": within / limits.provisioned,
            "ServerlessProvisionedConcurrencyInvocations": 1 - spilled,
            "ServerlessProvisionedConcurrencySpilloverInvocations": spilled,
        }
    return values


@dataclass
class InstanceUsage(TransientStore):
    """What each instance had used when it was last looked at, and when, by the machine's clock."""

    last: weakref.WeakKeyDictionary[EndpointInstance, tuple[float, Usage]] = field(
        default_factory=weakref.WeakKeyDictionary
    )


def watch_endpoints(cloud: Cloud) -> None:
    """Publish what instances use every minute of the clock, and their concurrency every ten seconds."""
    cloud.clock.every(UTILIZATION_SECONDS, functools.partial(publish_utilization, cloud))
    cloud.clock.every(UTILIZATION_SECONDS, functools.partial(end_idle, cloud))
    cloud.clock.every(CONCURRENCY_SECONDS, functools.partial(publish_concurrency, cloud))


def publish_utilization(cloud: Cloud) -> None:
    """Publish what each instance uses: of each core 100 %, and of the machine's memory."""
    store = cloud.store(InstanceUsage).last
    for endpoint, variant in _variants(cloud):
        for instance in variant.serving:
            usage = tree_usage(instance.pid) if instance.pid else None
            if usage is None:
                continue
            now = time.monotonic()
            before, used = store.get(instance, (instance.served_since, Usage(0.0, 0)))
            store[instance] = now, usage
            values = {"MemoryUtilization": min(100.0, 100 * usage.memory / host_limit.memory())}
            if not isinstance(variant, ServerlessVariant):
                # A server that has started anew has used less than the last one.
                cpu = max(0.0, usage.cpu - used.cpu) / max(now - before, 0.1)
                values["CPUUtilization"] = min(100.0 * host_limit.cores(), 100 * cpu)
            metrics.publish_samples(cloud, INSTANCES, _dimensions(endpoint, variant), values)


def publish_concurrency(cloud: Cloud) -> None:
    """Publish how many requests each instance works on: each hosts one copy of the model."""
    for endpoint, variant in _variants(cloud):
        if isinstance(variant, ServerlessVariant):
            continue
        for instance in variant.serving:
            values = {"ConcurrentRequestsPerModel": float(instance.outstanding)}
            metrics.publish_samples(cloud, INVOCATIONS, _dimensions(endpoint, variant), values, resolution=1)


def end_idle(cloud: Cloud) -> None:
    """End the environments of serverless variants that have idled for long."""
    for _, variant in _variants(cloud):
        if isinstance(variant, ServerlessVariant):
            variant.end_idle()


def _variants(cloud: Cloud) -> Iterator[tuple[str, Variant]]:
    """Yield what serves, with the name of its endpoint."""
    for name, endpoint in list(endpoints(cloud).items()):
        for fleet in endpoint.fleets():
            for variant in fleet.variants.values():
                yield name, variant


def _dimensions(endpoint: str, variant: Variant) -> dict[str, str]:
    return {"EndpointName": endpoint, "VariantName": variant.plan.name}
