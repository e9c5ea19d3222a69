"""The Lambda Runtime API, driven as a runtime drives it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator

import pytest

from kennel.localcloud.services.lambda_.runtime_api import LARGEST_ANSWER, Answer, Event, Exit, RuntimeApi

ROOT = "/2018-06-01/runtime"


def event(body: bytes = b"{}", seconds: float = 10.0) -> Event:
    return Event("id-1", body, "arn:f", time.time() + seconds, "Root=1")


class Runtime:
    """A runtime's side of the connection."""

    def __init__(self, api: RuntimeApi) -> None:
        self._connection = http.client.HTTPConnection(api.address, timeout=10)

    def next(self) -> tuple[http.client.HTTPResponse, bytes]:
        self._connection.request("GET", f"{ROOT}/invocation/next")
        answer = self._connection.getresponse()
        return answer, answer.read()

    def post(self, path: str, body: bytes) -> int:
        self._connection.request("POST", f"{ROOT}/{path}", body)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    api = RuntimeApi()
    yield api
    api.close()


def answering(api: RuntimeApi, path: str, body: bytes) -> tuple[Answer | Exit, list[object]]:
    seen: list[object] = []

    def work() -> None:
        runtime = Runtime(api)
        answer, given = runtime.next()
        seen.extend([answer.headers, given, runtime.post(path, body)])

    thread = threading.Thread(target=work)
    thread.start()
    result = api.invoke(event(b'{"a": 1}'))
    thread.join(10)
    return result, seen


def test_an_event_goes_out_and_its_answer_comes_back(api: RuntimeApi) -> None:
    result, (headers, given, status) = answering(api, "invocation/id-1/response", b'"woof"')
    assert result == Answer(b'"woof"')
    assert (given, status) == (b'{"a": 1}', 202)
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"  # type: ignore[index]
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:f"  # type: ignore[index]
    assert int(headers["Lambda-Runtime-Deadline-Ms"]) > time.time() * 1000  # type: ignore[index]


def test_an_error_is_unhandled(api: RuntimeApi) -> None:
    body = json.dumps({"errorType": "ValueError"}).encode()
    assert answering(api, "invocation/id-1/error", body)[0] == Answer(body, "Unhandled")


def test_an_answer_that_is_too_large_is_an_error(api: RuntimeApi) -> None:
    result, _ = answering(api, "invocation/id-1/response", bytes(LARGEST_ANSWER + 1))
    assert isinstance(result, Answer)
    assert (result.error, json.loads(result.body)["errorType"]) == (
        "Unhandled",
        "Function.ResponseSizeTooLarge",
    )


def test_an_answer_to_another_request_is_refused(api: RuntimeApi) -> None:
    runtime = Runtime(api)
    assert runtime.post("invocation/other/response", b"{}") == 400


def test_ready_means_that_the_first_event_was_asked_for(api: RuntimeApi) -> None:
    with pytest.raises(TimeoutError):
        api.wait_ready(0.05)
    asking = http.client.HTTPConnection(api.address, timeout=10)
    asking.request("GET", f"{ROOT}/invocation/next")
    assert api.wait_ready(10) is None
    asking.close()


def test_an_initialisation_error_is_handed_on(api: RuntimeApi) -> None:
    assert Runtime(api).post("init/error", b'{"errorType": "Runtime.ImportModuleError"}') == 202
    assert api.wait_ready(10) == Answer(b'{"errorType": "Runtime.ImportModuleError"}', "Unhandled")


def test_an_exit_ends_the_waiting(api: RuntimeApi) -> None:
    threading.Timer(0.05, api.exited, [3]).start()
    assert api.invoke(event()) == Exit(3)


def test_the_deadline_is_kept(api: RuntimeApi) -> None:
    with pytest.raises(TimeoutError):
        api.invoke(event(seconds=0.05))
