"""SageMaker's InvokeEndpoint: bytes to a variant's instance and back, with AWS's errors and metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

import urllib3

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.sagemaker.endpoints import serverless
from kennel.localcloud.services.sagemaker.endpoints.data_capture import Content, capture
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint, endpoints
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import (
    EndpointInstance,
    InstanceUnavailableError,
)
from kennel.localcloud.services.sagemaker.endpoints.endpoint_metrics import Invocation, publish_invocation
from kennel.localcloud.services.sagemaker.endpoints.model_request import Answer, IncompleteAnswerError
from kennel.localcloud.services.sagemaker.endpoints.shadow import copy_request
from kennel.localcloud.services.sagemaker.endpoints.traffic import Traffic
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
# Of several models or containers, explanations, and sessions of a model: members that would be ignored.
UNSUPPORTED = (
    *("TargetModel", "TargetContainerHostname", "InferenceComponentName", "EnableExplanations"),
    *("SessionId", "PrefixAwareId"),
)
LONGEST_BODY = 25 * 1024 * 1024  # https://docs.aws.amazon.com/general/latest/gr/sagemaker.html


class Asked(Protocol):
    """What of a call is needed to ask an endpoint: a queued request has no more."""

    @property
    def cloud(self) -> Cloud:
        """The running local cloud."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The call's."""

    @property
    def region(self) -> str:
        """The call's."""

    @property
    def account(self) -> str:
        """The call's."""

    def arn(self, resource: str, service: str) -> str:
        """Return the ARN of a resource of this account and region."""


@operation("sagemaker-runtime", "InvokeEndpoint")
def invoke_endpoint(call: Call) -> Response:
    """Ask an endpoint for a prediction."""
    answer, variant = answer_call(call)
    response_headers = [
        ("Content-Type", answer.headers.get("Content-Type", "application/octet-stream")),
        (INVOKED_VARIANT, variant.plan.name),
    ]
    if CUSTOM_ATTRIBUTES in answer.headers:
        response_headers.append((CUSTOM_ATTRIBUTES, answer.headers[CUSTOM_ATTRIBUTES]))
    return Response(200, response_headers, answer.body)


def answer_call(call: Call) -> tuple[Answer, Variant]:
    """Return a model's successful answer to a call with a body, and the variant that it is from.

    Raises
    ------
    AwsError
        The endpoint cannot be asked so, or the model answered with an error, or not at all.
    """
    endpoint = serving_endpoint(call, asynchronous=False)
    body = call.body
    longest = serverless.LONGEST_BODY if endpoint.serverless else LONGEST_BODY
    if len(body) > longest:
        raise AwsError("ValidationError", f"The body has {len(body)} bytes; the limit is {longest}.")
    return ask_endpoint(call, endpoint, body)


def serving_endpoint(call: Call, asynchronous: bool) -> Endpoint:
    """Return the endpoint of a call, which serves, and in the way that the call asks for.

    Raises
    ------
    AwsError
        ``ValidationError``.
    """
    name = call.parameters["EndpointName"]
    for member in UNSUPPORTED:
        if call.parameters.get(member):
            raise AwsError("ValidationError", f"The local cloud has nothing for {member}: leave it out.")
    endpoint = endpoints(call.cloud).get(name)
    if endpoint is None:
        raise AwsError("ValidationError", f"Endpoint {name} of account {call.account} not found.")
    if endpoint.traffic is None or endpoint.plan is None:
        status = endpoint.record.endpoint_status
        message = f"Endpoint {name} of account {call.account} is not InService: it is {status}."
        raise AwsError("ValidationError", message)
    if asynchronous != bool(endpoint.plan.asynchronous):
        other = "InvokeEndpoint" if asynchronous else "InvokeEndpointAsync"
        message = (
            f"Endpoint {name} of account {call.account} does not support this inference type: use {other}."
        )
        raise AwsError("ValidationError", message)
    return endpoint


def ask_endpoint(
    call: Asked, endpoint: Endpoint, body: bytes, seconds: float | None = None
) -> tuple[Answer, Variant]:
    """Return a model's successful answer to a body; see `answer_call`.

    Parameters
    ----------
    call, endpoint
        The call, whose headers go with the body, and the endpoint that it names.
    body
        What the model gets.
    seconds
        How long it may take; by default as InvokeEndpoint.
    """
    began, parameters = time.perf_counter(), call.parameters
    headers = {
        "Content-Type": parameters.get("ContentType") or "application/octet-stream",
        "Accept": parameters.get("Accept") or "*/*",
    }
    if parameters.get("CustomAttributes"):
        headers[CUSTOM_ATTRIBUTES] = parameters["CustomAttributes"]
    invocation = _Invocation(call, endpoint, parameters.get("TargetVariant"), seconds)
    try:
        answer = invocation.send(body, headers)
    except AwsError as error:
        if error.code != "ThrottlingException":  # which is no error of the model
            invocation.publish(began, getattr(error, "OriginalStatusCode", 503))
        raise
    invocation.publish(began, answer.status)
    variant = invocation.variant
    assert variant is not None  # it has answered
    if not 200 <= answer.status < 300:
        text = answer.body.decode(errors="replace")
        raise _model_error(call, endpoint.name, answer.status, f'with message "{text}"', text)
    copy_request(call.cloud, endpoint, variant, body, headers)
    came = Content(answer.body, answer.headers.get("Content-Type", "application/octet-stream"))
    capture(
        call.cloud,
        endpoint.name,
        variant.plan.name,
        variant.plan.role,
        endpoint.plan.capture if endpoint.plan else None,
        (Content(body, headers["Content-Type"]), came),
        parameters.get("CustomAttributes") or "",
    )
    return answer, variant


class _Invocation:
    """A request on its way to an instance of an endpoint whose fleets may be replaced meanwhile.

    Attributes
    ----------
    variant : Variant or None
        Where it went.
    """

    _instance: EndpointInstance | None = None
    _model_seconds = 0.0

    def __init__(
        self, call: Asked, endpoint: Endpoint, target: str | None, seconds: float | None = None
    ) -> None:
        self._call, self._endpoint, self._target, self._seconds = call, endpoint, target, seconds
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
            while instance := variant.claim():
                try:
                    return self._request(instance, body, headers)
                except InstanceUnavailableError as error:  # it has not got the request: another one may
                    why = f" {error}."
            if traffic is self._endpoint.traffic:
                message = f"No instance of variant {variant.plan.name} is in service.{why}"
                raise AwsError("ServiceUnavailable", message, 503)

    def _request(self, instance: EndpointInstance, body: bytes, headers: dict[str, str]) -> Answer:
        """Ask an instance; the words of the errors are AWS's."""
        name, self._instance, asked = self._endpoint.name, instance, time.perf_counter()
        try:
            return instance.request(body, headers, self._seconds)
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
        finally:
            self._model_seconds = time.perf_counter() - asked

    def publish(self, began: float, status: int) -> None:
        """Publish its metrics.

        Parameters
        ----------
        began
            When it arrived, by the performance counter.
        status
            The model's status; 0 if it gave none.
        """
        if self.variant:
            seconds = time.perf_counter() - began
            measured = Invocation(seconds, self._model_seconds, status, self._instance)
            publish_invocation(self._call.cloud, self._endpoint.name, self.variant, measured)

    def _choose(self, traffic: Traffic | None) -> Variant:
        name = self._endpoint.name
        if traffic is None:
            raise AwsError("ValidationError", f"Endpoint {name} not found.")
        try:
            return traffic.choose(self._target)
        except KeyError as error:
            message = f"Variant {self._target} not found for Request, EndpointName: {name}."
            raise AwsError("ValidationError", message) from error


def _model_error(call: Asked, name: str, status: int, ending: str, text: str) -> AwsError:
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
