"""The CloudWatch metrics that AWS's services publish by themselves about workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud


def publish(cloud: Cloud, namespace: str, dimensions: dict[str, str], **values: float) -> None:
    """Put one value of each named metric, now.

    A service publishes these as itself, not as the workload's role, so they need no permission of it.
    """
    from moto.cloudwatch.models import cloudwatch_backends

    described = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    cloudwatch_backends[cloud.account][cloud.region].put_metric_data(
        namespace,
        [{"MetricName": name, "Value": value, "Dimensions": described} for name, value in values.items()],
    )
