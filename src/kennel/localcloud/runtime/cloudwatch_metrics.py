"""The CloudWatch metrics that AWS's services publish by themselves about workloads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from kennel.localcloud.dispatch.changes import LATER_SECONDS
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.metrics.store import MINUTE, Datum, dimensions_key, metric_store

# AWS documents the units with each service's metrics; all others are counts.
UNITS = {
    "Duration": "Milliseconds",
    "ModelLatency": "Microseconds",
    "OverheadLatency": "Microseconds",
    "UrlRequestLatency": "Milliseconds",
}
WITHOUT_UNIT = ("AWS/SageMaker", "/aws/sagemaker/")


def publish(
    cloud: Cloud, namespace: str, dimensions: dict[str, str], *, resolution: int = MINUTE, **values: float
) -> None:
    """Put one value of each named metric, now by the cloud's clock.

    A service publishes these as itself, not as the workload's role, so they need no permission of it.

    Parameters
    ----------
    resolution
        Seconds: 60, or 1 for metrics that AWS publishes more often than once a minute.
    """
    cloud.changes.note(LATER_SECONDS)
    publish_samples(cloud, namespace, dimensions, values, resolution)


def publish_samples(
    cloud: Cloud,
    namespace: str,
    dimensions: dict[str, str],
    values: Mapping[str, float],
    resolution: int = MINUTE,
) -> None:
    """Put values that come regularly: they alone are no reason for a new snapshot; see `publish`."""
    key, now = dimensions_key(dimensions), cloud.clock.time()
    metric_store(cloud).put(
        namespace,
        [
            Datum(name, key, now, ((float(value), 1.0),), unit=_unit(namespace, name), resolution=resolution)
            for name, value in values.items()
        ],
    )


@cache
def _unit(namespace: str, name: str) -> str:
    if name.endswith("Utilization") and namespace != "AWS/Lambda":  # where they are shares of 1
        return "Percent"
    return UNITS.get(name) or ("None" if namespace.startswith(WITHOUT_UNIT) else "Count")
