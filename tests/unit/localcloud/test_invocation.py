"""What InvokeEndpoint makes of a model server that breaks a connection, refuses one, or does not answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from kennel.localcloud.clock import Clock
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.endpoints import exchange, model_request
from kennel.localcloud.services.sagemaker.endpoints.endpoint_instance import EndpointInstance
from kennel.localcloud.services.sagemaker.endpoints.model_request import Answer
from kennel.localcloud.services.sagemaker.endpoints.server_watch import ServerWatch


class Servers:
    """Instances in front of servers that are a function of an accepted connection."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []

    def instance(self, serve: Callable[[socket.socket], None] | None) -> EndpointInstance:
        """Return an instance in service; without a function its server refuses connections."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.sockets.append(listener)
        if serve:
            listener.listen()
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()
        instance = EndpointInstance.__new__(EndpointInstance)  # without a cloud, a log and a process
        instance.name, instance.healthy = "i-1", threading.Event()
        instance.healthy.set()
        instance._closing, instance._answered = threading.Event(), threading.Condition()
        instance._requests, instance._clock = 0, Clock()
        instance._watch = ServerWatch(
            urllib3.HTTPConnectionPool("127.0.0.1", listener.getsockname()[1], retries=False)
        )
        return instance

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        connection, _ = listener.accept()
        with connection:
            request = b""
            while not request.endswith(b"\r\n\r\nx"):  # what is not read would reset the connection
                request += connection.recv(65536)
            serve(connection)

    def invoke(self, *instances: EndpointInstance) -> Answer:
        """Send a request to a variant of these instances, as InvokeEndpoint does."""

        def claim() -> EndpointInstance | None:
            return next((instance for instance in instances if instance.hold()), None)

        variant = SimpleNamespace(claim=claim, plan=SimpleNamespace(name="v1"))
        endpoint: Any = SimpleNamespace(name="e", traffic=SimpleNamespace(choose=lambda _: variant))
        call: Any = SimpleNamespace(account="123456789012", region="us-east-1", arn="arn:{0}:{1}".format)
        return exchange.Exchange(call, endpoint, None).send(b"x", {})

    def error(self, *instances: EndpointInstance) -> Any:
        with pytest.raises(AwsError) as caught:
            self.invoke(*instances)
        return caught.value


@pytest.fixture
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    for each in servers.sockets:
        each.close()


def sending(content: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(content)


WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwhole"


def test_an_answer_comes_back_whole(servers: Servers) -> None:
    answer = servers.invoke(servers.instance(sending(WHOLE)))
    assert (answer.status, answer.body) == (200, b"whole")


@pytest.mark.parametrize(
    "half",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[[0.1, 0.",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n[[0.1",
        b"HTTP/1.1 200 OK\r\nContent-",
    ],
)
def test_half_an_answer_is_a_server_error(servers: Servers, half: bytes) -> None:
    error = servers.error(servers.instance(sending(half)))
    assert (error.code, error.status, error.OriginalStatusCode) == ("ModelError", 424, 500)
    assert "(500) from primary and could not load the entire response body. See" in error.message


def test_an_answer_that_is_longer_than_one_may_be_is_not_read_to_its_end(servers: Servers) -> None:
    size, refused = model_request.LONGEST_BODY, threading.Event()

    def send_too_much(connection: socket.socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (4 * size))
            for _ in range(4):
                connection.sendall(bytes(size))
        except OSError:
            refused.set()

    error = servers.error(servers.instance(send_too_much))
    assert (error.code, error.OriginalStatusCode) == ("ModelError", 500)
    assert "could not load the entire response body" in error.message
    assert refused.wait(10), "the server was not stopped"


@pytest.mark.parametrize("content", [b"", b"SSH-2.0\r\n"])
def test_a_connection_that_ends_before_an_answer_is_a_server_error(servers: Servers, content: bytes) -> None:
    error = servers.error(servers.instance(sending(content)))
    assert (error.code, error.status, error.OriginalStatusCode) == ("ModelError", 424, 0)
    assert "could not get a response from the e endpoint" in error.message
    assert error.LogStreamArn


def test_a_server_that_does_not_answer_in_time_is_said_to_have_timed_out(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_request, "INVOCATION_SECONDS", 0.05)
    asked = threading.Event()
    error = servers.error(servers.instance(lambda _: asked.wait(10) and None))
    asked.set()
    assert (error.code, error.OriginalStatusCode) == ("ModelError", 0)
    assert "timed out while waiting for a response" in error.message


def test_a_refused_connection_is_no_time_out_and_takes_the_instance_out_of_service(servers: Servers) -> None:
    refusing = servers.instance(None)
    error = servers.error(refusing)
    assert (error.code, error.status) == ("ServiceUnavailable", 503)
    assert error.message == "No instance of variant v1 is in service. i-1 refused the connection."
    assert not refusing.serving


def test_what_one_instance_refused_another_one_answers(servers: Servers) -> None:
    refusing, serving = servers.instance(None), servers.instance(sending(WHOLE))
    assert servers.invoke(refusing, serving).body == b"whole"
