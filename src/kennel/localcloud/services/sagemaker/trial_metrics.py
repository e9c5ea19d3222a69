"""Metrics of trial components: moto keeps one value for each step.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_metrics_BatchPutMetrics.html
"""

from __future__ import annotations

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import describe
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

describe("sagemaker-metrics", "metrics of trial components, one value for each step")


@operation("sagemaker-metrics", "BatchPutMetrics")
def batch_put_metrics(call: Call) -> Response:
    """Refuse metrics without a step, which moto cannot keep and AWS would."""
    for metric in call.parameters["MetricData"]:
        if metric.get("Step") is None:
            raise AwsError(
                "ValidationException",
                f"The local cloud keeps metrics by their step: give {metric['MetricName']} a Step.",
            )
    return call.ask_moto()
