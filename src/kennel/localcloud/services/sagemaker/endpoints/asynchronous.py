"""InvokeEndpointAsync: requests wait in a queue, their input and output are in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.endpoints.inference_queue import LONGEST_SECONDS, inference_queue
from kennel.localcloud.services.sagemaker.endpoints.inference_request import InferenceRequest
from kennel.localcloud.services.sagemaker.endpoints.invocation import serving_endpoint

TTL_SECONDS, SECONDS = 21_600, 900


@operation("sagemaker-runtime", "InvokeEndpointAsync")
def invoke_endpoint_async(call: Call) -> dict[str, Any]:
    """Put a request into the endpoint's queue; its result will be in S3."""
    parameters = call.parameters
    endpoint = serving_endpoint(call, asynchronous=True)
    if call.body or not parameters.get("InputLocation"):
        raise AwsError("ValidationError", "Put the input into S3 and give its InputLocation.")
    seconds = parameters.get("InvocationTimeoutSeconds", SECONDS)
    time_to_live = parameters.get("RequestTTLSeconds", TTL_SECONDS)
    if not 1 <= seconds <= LONGEST_SECONDS or not 60 <= time_to_live <= TTL_SECONDS:
        raise AwsError(
            "ValidationError",
            f"InvocationTimeoutSeconds is from 1 to {LONGEST_SECONDS}, RequestTTLSeconds from 60 to "
            f"{TTL_SECONDS}.",
        )
    assert endpoint.plan is not None
    assert endpoint.plan.asynchronous is not None
    request = InferenceRequest.of(
        parameters, endpoint.plan.asynchronous["OutputConfig"], call.cloud.clock.now(), seconds, time_to_live
    )
    inference_queue(call.cloud, endpoint.name).put(request)
    answer = {"InferenceId": request.inference_id, "OutputLocation": request.output_location}
    return answer | ({"FailureLocation": request.failure_location} if request.failure_location else {})
