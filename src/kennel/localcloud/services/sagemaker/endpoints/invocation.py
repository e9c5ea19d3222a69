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
    Answer,
    EndpointInstance,
    IncompleteAnswerError,
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
    invocation = _Invocation(call, endpoint, parameters.get("TargetVariant"))
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
    if not 200 <= response.status < 300:
        text = response.body.decode(errors="replace")
        raise _model_error(call, name, response.status, f'with message "{text}"', text)
    response_headers = [
        ("Content-Type", response.headers.get("Content-Type", "application/octet-stream")),
        ("x-Amzn-Invoked-Production-Variant", variant.plan.name),
    ]
    if CUSTOM_ATTRIBUTES in response.headers:
        response_headers.append((CUSTOM_ATTRIBUTES, response.headers[CUSTOM_ATTRIBUTES]))
    return Response(200, response_headers, response.body)


class _Invocation:
    """A request on its way to an instance of an endpoint whose fleets may be replaced meanwhile.

    Attributes
    ----------
    variant : Variant or None
        Where it went.
    """

    def __init__(self, call: Call, endpoint: Endpoint, target: str | None) -> None:
        self._call, self._endpoint, self._target = call, endpoint, target
        self.variant: Variant | None = None

    def send(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Return an instance's response.

        Raises
        ------
        AwsError
            No instance is in service, or the one that got the request did not answer.
        """
        while True:
            traffic, why = self._endpoint.traffic, ""
            variant = self.variant = self._choose(traffic)
            while instance := variant.pick():
                try:
                    return self._request(instance, body, headers)
                except InstanceUnavailableError as error:  # it has not got the request: another one may
                    why = f" {error}."
            if traffic is self._endpoint.traffic:
                message = f"No instance of variant {variant.plan.name} is in service.{why}"
                raise AwsError("ServiceUnavailable", message, 503)

    def _request(self, instance: EndpointInstance, body: bytes, headers: dict[str, str]) -> Answer:
        """Ask an instance; the words of the errors are AWS's."""
        name = self._endpoint.name
        try:
            return instance.request(body, headers)
        except urllib3.exceptions.TimeoutError as error:
            text = (
                "Your invocation timed out while waiting for a response from container primary. Review the "
                "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            )
            raise _model_error(self._call, name, 0, f'with message "{text}"', text) from error
        except IncompleteAnswerError as error:
            text = "could not load the entire response body"
            raise _model_error(self._call, name, 500, f"and {text}", text) from error
        except urllib3.exceptions.HTTPError as error:
            text = (
                f"Amazon SageMaker could not get a response from the {name} endpoint. This can occur when "
                "CPU or memory utilization is high. To check your utilization, see Amazon CloudWatch. To fix "
                "this problem, use an instance type with more CPU capacity or memory."
            )
            raise _model_error(self._call, name, 0, f'with message "{text}"', text) from error

    def _choose(self, traffic: Traffic | None) -> Variant:
        name = self._endpoint.name
        if traffic is None:
            raise AwsError("ValidationError", f"Endpoint {name} not found.")
        try:
            return traffic.choose(self._target)
        except KeyError as error:
            message = f"Variant {self._target} not found for Request, EndpointName: {name}."
            raise AwsError("ValidationError", message) from error


def _model_error(call: Call, name: str, status: int, ending: str, text: str) -> AwsError:
    """Return a ModelError; a status of 0 means that the container gave none.

    Parameters
    ----------
    call, name
        The request, and the endpoint that it names.
    status
        What the container answered.
    ending
        How the message goes on after the status.
    text
        The container's own message.
    """
    group = f"/aws/sagemaker/Endpoints/{name}"
    side = "client" if 0 < status < 500 else "server"
    message = (
        f"Received {side} error ({status}) from primary {ending}."
        f" See https://{call.region}.console.aws.amazon.com/cloudwatch/home?region={call.region}"
        f"#logEventViewer:group={group} in account {call.account} for more information."
    )
    members = {"LogStreamArn": call.arn(f"log-group:{group}", "logs")}
    return AwsError("ModelError", message, 424, OriginalStatusCode=status, OriginalMessage=text, **members)


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
