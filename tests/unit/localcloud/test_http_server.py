"""What a client sees of a connection: when it stays open, headers and body together, 100-continue at once."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
from werkzeug.wrappers import Request, Response

from kennel.localcloud.server import http_server
from kennel.localcloud.server.http_server import Server

HEAD = b"Host: localhost\r\n"


@Request.application
def _echo(request: Request) -> Response:
    if request.path == "/unread":
        return Response("refused", status=403)
    if request.path == "/head":
        return Response("", headers={"Connection": "keep-alive"})
    return Response(request.get_data() or b"empty")


@pytest.fixture
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener, _echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


@pytest.fixture
def client(server: Server) -> Iterator[socket.socket]:
    with connected(server) as connection:
        yield connection


def asked(client: socket.socket, target: bytes = b"GET / HTTP/1.1", more: bytes = b"") -> bytes:
    client.sendall(target + b"\r\n" + HEAD + more + b"\r\n")
    return client.recv(65_536)


def test_headers_and_body_arrive_together(client: socket.socket) -> None:
    response = asked(client)
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert response.endswith(b"\r\n\r\nempty")


def test_a_client_that_asks_first_is_told_to_go_on_before_it_sends_the_body(client: socket.socket) -> None:
    head = b"Content-Length: 4\r\nExpect: 100-continue\r\n"
    assert asked(client, b"PUT / HTTP/1.1", head).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.sendall(b"body")
    assert client.recv(65_536).endswith(b"\r\n\r\nbody")


def test_a_connection_takes_one_request_after_the_other(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    sockets = set()
    for body in (b"one", None, b"x" * 300_000, b"four"):
        connection.request("PUT", "/", body)
        response = connection.getresponse()
        assert (response.read(), response.getheader("Connection")) == (body or b"empty", None)
        sockets.add(connection.sock)
    assert len(sockets) == 1
    connection.close()


@pytest.mark.parametrize(
    ("target", "more"),
    [
        (b"PUT /unread HTTP/1.1", b"Content-Length: 32\r\n"),
        (b"PUT /unread HTTP/1.1", b"Content-Length: 32\r\nContent-Length: 0\r\n"),
        (b"PUT /unread HTTP/1.1", b"Content-Length: -1\r\n"),
        (b"PUT /unread HTTP/1.1", b"Transfer-Encoding: chunked\r\n"),
        (b"PUT /unread HTTP/1.1", b"Transfer-Encoding: x\r\nContent-Length: 0\r\n"),
        (b"GET / HTTP/1.1", b"Connection: close\r\n"),
        (b"GET / HTTP/1.0", b"Connection: keep-alive\r\n"),
    ],
    ids=["unread", "two lengths", "no length", "chunks", "other coding", "asked for", "HTTP 1.0"],
)
def test_what_follows_is_not_taken_for_a_request(client: socket.socket, target: bytes, more: bytes) -> None:
    client.sendall(target + b"\r\n" + HEAD + more + b"\r\n" + b"GET /smuggled HTTP/1.1\r\n" + HEAD + b"\r\n")
    client.shutdown(socket.SHUT_WR)
    received = b""
    while part := client.recv(65_536):
        received += part
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in received


def test_the_server_leaves_the_closing_to_the_client(client: socket.socket) -> None:
    assert b"\r\nConnection: close\r\n" in asked(client, more=b"Connection: close\r\n")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)


def test_a_function_does_not_decide_about_the_connection(client: socket.socket) -> None:
    assert b"onnection" not in asked(client, b"GET /head HTTP/1.1")
    assert b"\r\nConnection: close\r\n" in asked(client, b"GET /head HTTP/1.1", b"Connection: close\r\n")


def test_no_request_is_answered_after_the_end(server: Server, client: socket.socket) -> None:
    assert asked(client).endswith(b"empty")
    server.shutdown()
    with contextlib.suppress(ConnectionError):
        assert asked(client) == b""


def test_an_idle_connection_is_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "IDLE_SECONDS", 0.1)
    with connected(server) as client:
        assert client.recv(1) == b""


def test_so_many_connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "KEPT_CONNECTIONS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener, _echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with connected(server) as first, connected(server) as second:
            assert b"Connection" not in asked(first)
            assert b"\r\nConnection: close\r\n" in asked(second)
            assert b"Connection" not in asked(first)
        with connected(server) as third:
            while b"Connection" in asked(third):  # the first one's place is free once its end was seen
                third.close()
                third = connected(server)
        server.shutdown()
