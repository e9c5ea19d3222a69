"""SQS: the depth of each queue, a metric once a minute."""

from __future__ import annotations

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.metrics.store import MINUTE, Datum, dimensions_key, metric_store

NAMESPACE = "AWS/SQS"
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
DEPTHS = {
    "ApproximateNumberOfMessagesVisible": "approximate_number_of_messages",
    "ApproximateNumberOfMessagesNotVisible": "approximate_number_of_messages_not_visible",
    "ApproximateNumberOfMessagesDelayed": "approximate_number_of_messages_delayed",
}


def publish_depths(cloud: Cloud) -> None:
    """Publish the depths of all queues once a minute, for as long as the cloud runs.

    They alone are no reason for a snapshot: an idle cloud would write one every minute.
    """
    cloud.clock.every(MINUTE, lambda: _publish(cloud))


def _publish(cloud: Cloud) -> None:
    from moto.sqs.models import sqs_backends

    now = cloud.clock.time()
    for queue in list(sqs_backends[cloud.account][cloud.region].queues.values()):
        dimensions = dimensions_key({"QueueName": queue.name})
        metric_store(cloud).put(
            NAMESPACE,
            [
                Datum(name, dimensions, now, ((float(getattr(queue, attribute)), 1.0),), unit="Count")
                for name, attribute in DEPTHS.items()
            ],
        )
