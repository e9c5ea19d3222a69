"""The CloudWatch metrics that AWS's services publish by themselves about workloads."""

from __future__ import annotations

from kennel.localcloud.dispatch.changes import LATER_SECONDS
from kennel.localcloud.dispatch.cloud import Cloud


def publish(cloud: Cloud, namespace: str, dimensions: dict[str, str], **values: float) -> None:
    """Put one value of each named metric, now by the cloud's clock.

    A service publishes these as itself, not as the workload's role, so they need no permission of it.
    """
    from moto.cloudwatch.models import cloudwatch_backends

    cloud.changes.note(LATER_SECONDS)
    now = cloud.clock.now().replace(tzinfo=None)  # moto's times have no zone
    dimension_list = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    cloudwatch_backends[cloud.account][cloud.region].put_metric_data(
        namespace,
        [
            {"MetricName": name, "Value": value, "Dimensions": dimension_list, "Timestamp": now}
            for name, value in values.items()
        ],
    )
