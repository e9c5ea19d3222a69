"""SageMaker's InvokeEndpoint: bytes to a variant's instance and back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.sagemaker.endpoints import serverless
from kennel.localcloud.services.sagemaker.endpoints.data_capture import Content, capture
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint, endpoints
from kennel.localcloud.services.sagemaker.endpoints.exchange import Asked, Exchange, model_error
from kennel.localcloud.services.sagemaker.endpoints.model_request import LONGEST_BODY, Answer, OpenAnswer
from kennel.localcloud.services.sagemaker.endpoints.shadow import copy_request
from kennel.localcloud.services.sagemaker.endpoints.variant import Variant

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
BYTES = "application/octet-stream"  # the content type where there is none
# Of several models or containers, explanations, and sessions of a model: members that would be ignored.
UNSUPPORTED = (
    *("TargetModel", "TargetContainerHostname", "InferenceComponentName", "EnableExplanations"),
    *("SessionId", "PrefixAwareId"),
)


@operation("sagemaker-runtime", "InvokeEndpoint")
def invoke_endpoint(call: Call) -> Response:
    """Ask an endpoint for a prediction."""
    answer, variant = ask_endpoint(call, called_endpoint(call), call.body)
    return Response(200, answer_headers("Content-Type", answer, variant), answer.body)


def answer_headers(content_type: str, answer: Answer | OpenAnswer, variant: Variant) -> list[tuple[str, str]]:
    """Return the headers of a response.

    Parameters
    ----------
    content_type
        The header that names the type of the model's answer.
    answer, variant
        The model's answer, and where it is from.
    """
    headers = [
        (content_type, answer.headers.get("Content-Type", BYTES)),
        (INVOKED_VARIANT, variant.plan.name),
    ]
    if CUSTOM_ATTRIBUTES in answer.headers:
        headers.append((CUSTOM_ATTRIBUTES, answer.headers[CUSTOM_ATTRIBUTES]))
    return headers


def called_endpoint(call: Call) -> Endpoint:
    """Return the endpoint of a call with a body, which serves in real time.

    Raises
    ------
    AwsError
        ``ValidationError``.
    """
    endpoint = serving_endpoint(call, asynchronous=False)
    longest = serverless.LONGEST_BODY if endpoint.serverless else LONGEST_BODY
    if len(call.body) > longest:
        raise AwsError("ValidationError", f"The body has {len(call.body)} bytes; the limit is {longest}.")
    return endpoint


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
    call: Asked,
    endpoint: Endpoint,
    body: bytes,
    seconds: float | None = None,
    longest: int = LONGEST_BODY,
) -> tuple[Answer, Variant]:
    """Return a model's successful answer to a body, and the variant that it is from.

    Parameters
    ----------
    call, endpoint
        The call, whose headers go with the body, and the endpoint that it names.
    body
        What the model gets.
    seconds
        How long it may take; by default as InvokeEndpoint.
    longest
        How many bytes the answer may have.

    Raises
    ------
    AwsError
        The model answered with an error, or not at all.
    """
    with open_answer(call, endpoint, body, seconds) as asked:
        with asked.exchange.translated():
            answer = asked.answer.whole(longest)
        asked.keep(answer.body)
    return answer, asked.variant


@dataclass
class Conversation:
    """A request that a model answers successfully.

    Attributes
    ----------
    call, endpoint, body
        What is asked.
    exchange, answer
        The request on its way, and the answer, whose body still comes.
    """

    call: Asked
    endpoint: Endpoint
    body: bytes
    exchange: Exchange
    answer: OpenAnswer

    @property
    def variant(self) -> Variant:
        """Where the request went."""
        assert self.exchange.variant is not None
        return self.exchange.variant

    @property
    def captured(self) -> bool:
        """Whether the answer may be captured."""
        config = self.endpoint.plan.capture if self.endpoint.plan else None
        return bool(config and config.get("EnableCapture"))

    def keep(self, answer: bytes) -> None:
        """Capture the request and its answer, if the endpoint says so, and copy it to shadow variants.

        Parameters
        ----------
        answer
            The answer's whole body.
        """
        plan, headers = self.endpoint.plan, request_headers(self.call)
        copy_request(self.call.cloud, self.endpoint, self.variant, self.body, headers)
        capture(
            self.call.cloud,
            self.endpoint.name,
            self.variant.plan.name,
            self.variant.plan.role,
            plan.capture if plan else None,
            (
                Content(self.body, headers["Content-Type"]),
                Content(answer, self.answer.headers.get("Content-Type", BYTES)),
            ),
            self.call.parameters.get("CustomAttributes") or "",
        )


@contextlib.contextmanager
def open_answer(
    call: Asked, endpoint: Endpoint, body: bytes, seconds: float | None = None
) -> Iterator[Conversation]:
    """Ask a model; its successful answer can be read in this context, whose end publishes the metrics.

    Parameters
    ----------
    call, endpoint, body, seconds
        As for `ask_endpoint`.

    Raises
    ------
    AwsError
        As for `ask_endpoint`.
    """
    exchange = Exchange(call, endpoint, call.parameters.get("TargetVariant"), seconds)
    status: int | None = 503
    try:
        answer = exchange.open(body, request_headers(call))
        if not 200 <= answer.status < 300:
            with exchange.translated():
                text = answer.whole().body.decode(errors="replace")
            raise model_error(call, endpoint.name, answer.status, f'with message "{text}"', text)
        status = answer.status
        yield Conversation(call, endpoint, body, exchange, answer)
    except AwsError as error:
        throttled = error.code == "ThrottlingException"  # which is no error of the model
        status = None if throttled else getattr(error, "OriginalStatusCode", status)
        raise
    finally:
        exchange.close()
        if status is not None:
            exchange.publish(status)


def request_headers(call: Asked) -> dict[str, str]:
    """Return the headers that a model gets with a call's body."""
    parameters = call.parameters
    headers = {
        "Content-Type": parameters.get("ContentType") or BYTES,
        "Accept": parameters.get("Accept") or "*/*",
    }
    if parameters.get("CustomAttributes"):
        headers[CUSTOM_ATTRIBUTES] = parameters["CustomAttributes"]
    return headers
