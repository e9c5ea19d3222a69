"""What a client sees of a connection: headers and body together, and 100-continue without delay."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from kennel.localcloud.server.request_handler import RequestHandler


@Request.application
def _echo(request: Request) -> Response:
    return Response(request.get_data() or b"empty")


@pytest.fixture
def client() -> Iterator[socket.socket]:
    server = make_server("127.0.0.1", 0, _echo, threaded=True, request_handler=RequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            yield connection
    finally:
        server.shutdown()


def test_headers_and_body_arrive_together(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    response = client.recv(65_536)
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert response.endswith(b"\r\n\r\nempty")


def test_a_client_that_asks_first_is_told_to_go_on_before_it_sends_the_body(client: socket.socket) -> None:
    client.sendall(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert client.recv(65_536).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.sendall(b"body")
    response = client.recv(65_536)
    assert response.endswith(b"\r\n\r\nbody")
    # The server leaves the closing to the client.
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)
