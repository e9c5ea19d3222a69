"""SageMaker's InvokeEndpoint: bytes to a variant's instance and back, with AWS's errors and metrics."""

from __future__ import annotations

import time

import urllib3

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.runtime import cloudwatch_metrics as metrics
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint, endpoints
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import (
    EndpointInstance,
    InstanceUnavailableError,
)
from kennel.localcloud.services.sagemaker.endpoints.fleet import Variant
from kennel.localcloud.services.sagemaker.endpoints.traffic import Traffic

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
LONGEST_BODY = 25 * 1024 * 1024  # https://docs.aws.amazon.com/general/latest/gr/sagemaker.html


@operation("sagemaker-runtime", "InvokeEndpoint")
def invoke_endpoint(call: Call) -> Response:
    """Ask an endpoint for a prediction."""
    began = time.perf_counter()
    parameters = call.parameters
    name = parameters["EndpointName"]
    endpoint = endpoints(call.cloud).get(name)
    if endpoint is None:
        raise AwsError("ValidationError", f"Endpoint {name} of account {call.account} not found.")
    if endpoint.traffic is None:
        status = endpoint.record.endpoint_status
        message = f"Endpoint {name} of account {call.account} is not InService: it is {status}."
        raise AwsError("ValidationError", message)
    body = call.body
    if len(body) > LONGEST_BODY:
        raise AwsError("ValidationError", f"The body has {len(body)} bytes; the limit is {LONGEST_BODY}.")
    headers = {
        "Content-Type": parameters.get("ContentType") or "application/octet-stream",
        "Accept": parameters.get("Accept") or "*/*",
    }
    if parameters.get("CustomAttributes"):
        headers[CUSTOM_ATTRIBUTES] = parameters["CustomAttributes"]
    invocation = _Invocation(endpoint, parameters.get("TargetVariant"))
    sent = time.perf_counter()
    try:
        response = invocation.send(body, headers)
    except AwsError as error:
        status = getattr(error, "OriginalStatusCode", 503)
        if invocation.variant:
            _publish_metrics(call, name, invocation.variant, began, sent, time.perf_counter(), status)
        raise
    received = time.perf_counter()
    variant = invocation.variant
    assert variant is not None  # it has answered
    _publish_metrics(call, name, variant, began, sent, received, response.status)
    if response.status >= 400:
        raise _model_error(call, name, response.status, response.data.decode(errors="replace"))
    response_headers = [
        ("Content-Type", response.headers.get("Content-Type", "application/octet-stream")),
        ("x-Amzn-Invoked-Production-Variant", variant.plan.name),
    ]
    if CUSTOM_ATTRIBUTES in response.headers:
        response_headers.append((CUSTOM_ATTRIBUTES, response.headers[CUSTOM_ATTRIBUTES]))
    return Response(200, response_headers, response.data)


class _Invocation:
    """A request on its way to an instance of an endpoint whose fleets may be replaced meanwhile.

    Attributes
    ----------
    variant : Variant or None
        Where it went.
    """

    def __init__(self, endpoint: Endpoint, target: str | None) -> None:
        self._endpoint, self._target = endpoint, target
        self.variant: Variant | None = None

    def send(self, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Return an instance's response.

        Raises
        ------
        AwsError
            No instance is in service, or the one that got the request did not answer.
        """
        while True:
            traffic = self._endpoint.traffic
            variant = self.variant = self._choose(traffic)
            while instance := variant.pick():
                try:
                    return _request(instance, body, headers)
                except InstanceUnavailableError:
                    continue  # it left between the choice and the request, which it has not got
            if traffic is self._endpoint.traffic:
                message = f"No instance of variant {variant.plan.name} is in service."
                raise AwsError("ServiceUnavailable", message, 503)

    def _choose(self, traffic: Traffic | None) -> Variant:
        name = self._endpoint.name
        if traffic is None:
            raise AwsError("ValidationError", f"Endpoint {name} not found.")
        try:
            return traffic.choose(self._target)
        except KeyError as error:
            message = f"Variant {self._target} not found for Request, EndpointName: {name}."
            raise AwsError("ValidationError", message) from error


def _request(instance: EndpointInstance, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    try:
        return instance.request(body, headers)
    except urllib3.exceptions.TimeoutError as error:
        text = (
            "Your invocation timed out while waiting for a response from container primary. Review the "
            "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
        )
        raise _container_error("server", 0, text, "") from error
    except urllib3.exceptions.HTTPError as error:
        text = "The connection to container primary was closed before it answered."
        raise _container_error("server", 0, text, "") from error


def _model_error(call: Call, name: str, status: int, text: str) -> AwsError:
    group = f"/aws/sagemaker/Endpoints/{name}"
    place = (
        f" See https://{call.region}.console.aws.amazon.com/cloudwatch/home?region={call.region}"
        f"#logEventViewer:group={group} in account {call.account} for more information."
    )
    error = _container_error("client" if status < 500 else "server", status, text, place)
    error.LogStreamArn = call.arn(f"log-group:{group}", "logs")  # type: ignore[attr-defined] # a modelled member
    return error


def _container_error(side: str, status: int, text: str, place: str) -> AwsError:
    message = f'Received {side} error ({status}) from primary with message "{text}".{place}'
    return AwsError("ModelError", message, 424, OriginalStatusCode=status, OriginalMessage=text)


def _publish_metrics(
    call: Call, name: str, variant: Variant, began: float, sent: float, received: float, status: int
) -> None:
    """Publish what SageMaker publishes: latencies in microseconds.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """
    metrics.publish(
        call.cloud,
        "AWS/SageMaker",
        {"EndpointName": name, "VariantName": variant.plan.name},
        Invocations=1,
        InvocationsPerInstance=1 / max(1, len(variant.instances)),
        ModelLatency=(received - sent) * 1e6,
        OverheadLatency=(sent - began) * 1e6,
        Invocation4XXErrors=int(400 <= status < 500),
        Invocation5XXErrors=int(status >= 500 or status == 0),
        InvocationModelErrors=int(status >= 400 or status == 0),
    )
