"""SQS: the depth of each queue, a metric once a minute."""

from __future__ import annotations

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.cloudwatch_metrics import publish_samples
from kennel.localcloud.runtime.metrics.store import MINUTE

NAMESPACE = "AWS/SQS"
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
DEPTHS = {
    "ApproximateNumberOfMessagesVisible": "approximate_number_of_messages",
    "ApproximateNumberOfMessagesNotVisible": "approximate_number_of_messages_not_visible",
    "ApproximateNumberOfMessagesDelayed": "approximate_number_of_messages_delayed",
}


def publish_depths(cloud: Cloud) -> None:
    """Publish the depths of all queues once a minute, for as long as the cloud runs."""
    cloud.clock.every(MINUTE, lambda: _publish(cloud))


def _publish(cloud: Cloud) -> None:
    from moto.sqs.models import sqs_backends

    for queue in list(sqs_backends[cloud.account][cloud.region].queues.values()):
        depths = {name: float(getattr(queue, attribute)) for name, attribute in DEPTHS.items()}
        publish_samples(cloud, NAMESPACE, {"QueueName": queue.name}, depths)
