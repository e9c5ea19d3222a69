"""A request on its way to an instance of an endpoint and back, with AWS's errors and metrics."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import urllib3

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import (
    EndpointInstance,
    InstanceUnavailableError,
)
from kennel.localcloud.services.sagemaker.endpoints.endpoint_metrics import Invocation, publish_invocation
from kennel.localcloud.services.sagemaker.endpoints.model_request import (
    Answer,
    IncompleteAnswerError,
    OpenAnswer,
)
from kennel.localcloud.services.sagemaker.endpoints.traffic import Traffic
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant

NO_ANSWER = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
HALF_AN_ANSWER = "could not load the entire response body"


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


class Exchange:
    """A request on its way to an instance of an endpoint whose fleets may be replaced meanwhile.

    Parameters
    ----------
    call, endpoint
        The request, and the endpoint that it names.
    target
        The variant that it names; None leaves the choice to the weights.
    seconds
        How long the model may take; by default as InvokeEndpoint.

    Attributes
    ----------
    variant : Variant or None
        Where it went.
    """

    def __init__(
        self, call: Asked, endpoint: Endpoint, target: str | None, seconds: float | None = None
    ) -> None:
        self._call, self._endpoint, self._target, self._seconds = call, endpoint, target, seconds
        self.variant: Variant | None = None
        self._instance: EndpointInstance | None = None
        self._began, self._model_began, self._model_seconds = time.perf_counter(), 0.0, 0.0
        self._held = contextlib.ExitStack()  # the place of the instance that it takes

    def send(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Return an instance's response.

        Raises
        ------
        AwsError
            No instance is in service, or the one that got the request did not answer.
        """
        answer = self.open(body, headers)
        with self._held, self.translated():
            return answer.whole()

    def open(self, body: bytes, headers: dict[str, str]) -> OpenAnswer:
        """Return an instance's response, whose body still comes; `close` gives the instance's place back.

        Raises
        ------
        AwsError
            As of `send`.
        """
        while True:
            traffic, why = self._endpoint.traffic, ""
            variant = self.variant = self._choose(traffic)
            while instance := variant.claim():
                self._instance, self._model_began = instance, time.perf_counter()
                try:
                    with self.translated():
                        return self._held.enter_context(instance.opened(body, headers, self._seconds))
                except InstanceUnavailableError as error:  # it has not got the request: another one may
                    why = f" {error}."
            if traffic is self._endpoint.traffic:
                message = f"No instance of variant {variant.plan.name} is in service.{why}"
                raise AwsError("ServiceUnavailable", message, 503)

    def close(self) -> None:
        """Give the instance's place back."""
        self._held.close()

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Make errors in AWS's words of those of the instance; a status of 0 means that it gave none."""
        name = self._endpoint.name
        try:
            yield
        except urllib3.exceptions.TimeoutError as error:
            raise model_error(self._call, name, 0, f'with message "{NO_ANSWER}"', NO_ANSWER) from error
        except IncompleteAnswerError as error:
            raise model_error(self._call, name, 500, f"and {HALF_AN_ANSWER}", HALF_AN_ANSWER) from error
        except urllib3.exceptions.HTTPError as error:
            text = (
                f"Amazon SageMaker could not get a response from the {name} endpoint. This can occur when "
                "CPU or memory utilization is high. To check your utilization, see Amazon CloudWatch. To fix "
                "this problem, use an instance type with more CPU capacity or memory."
            )
            raise model_error(self._call, name, 0, f'with message "{text}"', text) from error
        finally:
            self._model_seconds = time.perf_counter() - self._model_began

    def publish(self, status: int) -> None:
        """Publish its metrics.

        Parameters
        ----------
        status
            The model's status; 0 if it gave none.
        """
        if self.variant:
            seconds = time.perf_counter() - self._began
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


def model_error(call: Asked, name: str, status: int, ending: str, text: str) -> AwsError:
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
