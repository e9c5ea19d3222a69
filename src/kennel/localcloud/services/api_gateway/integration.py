"""The integration of APIs with Lambda: a function's policy, or the integration's role, must allow it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.role_session import role_session
from kennel.localcloud.services.lambda_.execution import reserved_concurrency, run
from kennel.localcloud.services.lambda_.function_version import read_version
from kennel.localcloud.services.lambda_.invoke import LARGEST_SYNCHRONOUS
from kennel.localcloud.services.service_calls import check_function

API_GATEWAY = "apigateway.amazonaws.com"
FUNCTION = re.compile(
    r"(?:arn:aws:apigateway:[\w-]+:lambda:path/2015-03-31/functions/)?"
    r"(?P<arn>arn:aws:lambda:[\w-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?)(?:/invocations)?"
)


# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
HTTP_SECONDS, REST_SECONDS = 30.0, 29.0
SHORTEST_MILLISECONDS = 50


def check_timeout(milliseconds: int | None, longest: float) -> None:
    """Check how long an integration waits.

    Parameters
    ----------
    longest
        Seconds: `HTTP_SECONDS` or `REST_SECONDS`.

    Raises
    ------
    AwsError
        ``BadRequestException``.
    """
    most = int(longest * 1000)
    if milliseconds is not None and not SHORTEST_MILLISECONDS <= milliseconds <= most:
        message = f"Timeout should be between {SHORTEST_MILLISECONDS} ms and {most} ms"
        raise AwsError("BadRequestException", message, 400)


class IntegrationError(Exception):
    """A function could not be invoked, or failed; the text says why."""


class TooLargeError(IntegrationError):
    """An event is larger than what Lambda takes."""


class IntegrationTimeoutError(IntegrationError):
    """A function did not respond in time; it goes on running, as on AWS."""


@dataclass(frozen=True)
class FunctionIntegration:
    """A function behind a route.

    Attributes
    ----------
    uri
        Its ARN, or AWS's path for its invocation; it may name stage variables.
    role
        The role that invokes it; without one the function's policy must allow API Gateway.
    seconds
        How long its response is waited for.
    """

    uri: str
    role: str = ""
    seconds: float = HTTP_SECONDS

    def invoke(self, cloud: Cloud, source_arn: str, variables: dict[str, str], event: object) -> bytes:
        """Return what the function returns for an event.

        Parameters
        ----------
        source_arn
            The route of the API, ``aws:SourceArn`` in the function's policy.
        variables
            The stage's variables.

        Raises
        ------
        IntegrationError
            It could not be invoked, or failed.
        TooLargeError
            The event is larger than what Lambda takes.
        IntegrationTimeoutError
            It did not respond in time.
        """
        uri = re.sub(r"\$\{stageVariables\.(\w+)\}", lambda name: variables.get(name[1], ""), self.uri)
        match = FUNCTION.fullmatch(uri)
        if match is None:
            raise IntegrationError(f"{uri} is no function")
        payload = json.dumps(event).encode()
        if len(payload) > LARGEST_SYNCHRONOUS:
            raise TooLargeError(f"an event of {len(payload)} bytes")
        try:
            body, error = self._wait(lambda: self._run(cloud, match["arn"], source_arn, payload))
        except (ServiceException, ClientError) as problem:
            raise IntegrationError(str(problem)) from problem
        if error:
            raise IntegrationError(f"the function failed: {body.decode(errors='replace')}")
        return body

    def _wait(self, invoke: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
        """Return what an invocation returns within the limit."""
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="integration")
        result = executor.submit(invoke)
        try:
            return result.result(self.seconds)
        except TimeoutError as error:
            if result.done():  # an error of the invocation itself
                raise
            message = f"no response of {self.uri} in {self.seconds:g} s"
            raise IntegrationTimeoutError(message) from error
        finally:
            executor.shutdown(wait=False)

    def _run(self, cloud: Cloud, arn: str, source_arn: str, payload: bytes) -> tuple[bytes, str]:
        there = cloud.in_region(arn.split(":")[3])
        if self.role:
            client = role_session(there, self.role, API_GATEWAY, "BackplaneAssumeRoleSession").client(
                "lambda"
            )
            answer = client.invoke(FunctionName=arn, Payload=payload)
            return answer["Payload"].read(), answer.get("FunctionError", "")
        record, latest, qualifier = check_function(cloud, arn, API_GATEWAY, source_arn)
        reserved = reserved_concurrency(latest)
        result = run(there, read_version(record), reserved, payload, qualifier=qualifier)
        return result.body, result.error
