"""The Lambda Runtime API, driven as a runtime drives it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator

import pytest

from kennel.localcloud.services.lambda_.runtime_api import (
    LARGEST_RESPONSE,
    InvocationEvent,
    RuntimeApi,
    RuntimeExit,
    RuntimeResponse,
)

ROOT = "/2018-06-01/runtime"


def event(body: bytes = b"{}", seconds: float = 10.0) -> InvocationEvent:
    return InvocationEvent("id-1", body, "arn:f", time.time() + seconds, "Root=1")


class Runtime:
    """A runtime's side of the connection."""

    def __init__(self, api: RuntimeApi) -> None:
        self._connection = http.client.HTTPConnection(api.address, timeout=10)

    def next(self) -> tuple[http.client.HTTPResponse, bytes]:
        self._connection.request("GET", f"{ROOT}/invocation/next")
        response = self._connection.getresponse()
        return response, response.read()

    def post(self, path: str, body: bytes) -> int:
        self._connection.request("POST", f"{ROOT}/{path}", body)
        response = self._connection.getresponse()
        response.read()
        return response.status


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    api = RuntimeApi()
    yield api
    api.close()


def respond(api: RuntimeApi, path: str, body: bytes) -> tuple[RuntimeResponse | RuntimeExit, list[object]]:
    seen: list[object] = []

    def work() -> None:
        runtime = Runtime(api)
        response, received = runtime.next()
        seen.extend([response.headers, received, runtime.post(path, body)])

    thread = threading.Thread(target=work)
    thread.start()
    result = api.invoke(event(b'{"a": 1}'))
    thread.join(10)
    return result, seen


def test_an_event_reaches_the_runtime_and_its_response_comes_back(api: RuntimeApi) -> None:
    result, (headers, received, status) = respond(api, "invocation/id-1/response", b'"woof"')
    assert result == RuntimeResponse(b'"woof"')
    assert (received, status) == (b'{"a": 1}', 202)
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"  # type: ignore[index]
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:f"  # type: ignore[index]
    assert int(headers["Lambda-Runtime-Deadline-Ms"]) > time.time() * 1000  # type: ignore[index]


def test_an_error_is_unhandled(api: RuntimeApi) -> None:
    body = json.dumps({"errorType": "ValueError"}).encode()
    assert respond(api, "invocation/id-1/error", body)[0] == RuntimeResponse(body, "Unhandled")


def test_a_response_that_is_too_large_is_an_error(api: RuntimeApi) -> None:
    result, _ = respond(api, "invocation/id-1/response", bytes(LARGEST_RESPONSE + 1))
    assert isinstance(result, RuntimeResponse)
    assert (result.error, json.loads(result.body)["errorType"]) == (
        "Unhandled",
        "Function.ResponseSizeTooLarge",
    )


def test_a_response_to_another_request_is_refused(api: RuntimeApi) -> None:
    runtime = Runtime(api)
    assert runtime.post("invocation/other/response", b"{}") == 400


def test_ready_means_that_the_runtime_has_asked_for_its_first_event(api: RuntimeApi) -> None:
    with pytest.raises(TimeoutError):
        api.wait_ready(0.05)
    asking = http.client.HTTPConnection(api.address, timeout=10)
    asking.request("GET", f"{ROOT}/invocation/next")
    assert api.wait_ready(10) is None
    asking.close()


def test_an_initialisation_error_is_returned(api: RuntimeApi) -> None:
    assert Runtime(api).post("init/error", b'{"errorType": "Runtime.ImportModuleError"}') == 202
    assert api.wait_ready(10) == RuntimeResponse(b'{"errorType": "Runtime.ImportModuleError"}', "Unhandled")


def test_an_exit_ends_the_waiting(api: RuntimeApi) -> None:
    threading.Timer(0.05, api.exited, [3]).start()
    assert api.invoke(event()) == RuntimeExit(3)


def test_an_event_times_out_at_its_deadline(api: RuntimeApi) -> None:
    with pytest.raises(TimeoutError):
        api.invoke(event(seconds=0.05))
