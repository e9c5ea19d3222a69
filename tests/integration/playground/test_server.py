"""The playground's server answers its own page, and refuses every other."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import pytest
from tests.integration.playground.conftest import name_colour, picture

from kennel.playground import PlaygroundError
from kennel.playground.server import MAXIMUM_BYTES, PlaygroundServer


def request(
    server: PlaygroundServer, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, server.root + path.removeprefix("/"), body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.getheaders()), content


def origin(server: PlaygroundServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def ask(server: PlaygroundServer, photo: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    status, _, content = request(server, "POST", "/predict", photo, **{"Origin": origin(server), **headers})
    return status, json.loads(content)


def test_a_photo_is_answered_with_names_and_times(server: PlaygroundServer) -> None:
    status, answer = ask(server, picture("Brown"))

    assert status == 200
    assert answer["top"][0]["breed"] == "Brown"
    assert len(answer["top"]) == 5
    assert 0 < answer["seconds"] <= answer["server_seconds"]
    assert answer["served_by"] == {"release": "r-0123456789ab"}


def test_what_is_no_photo_is_an_error_and_the_next_photo_is_answered(server: PlaygroundServer) -> None:
    status, answer = ask(server, b"no picture")

    assert status == 422
    assert answer == {"error": "the photo cannot be sent: it is not a picture"}
    assert ask(server, picture("Blue"))[1]["top"][0]["breed"] == "Blue"


def test_the_page_its_files_and_the_gallery_are_served(server: PlaygroundServer) -> None:
    for path, kind in {
        "/": "text/html",
        "/playground.js": "text/javascript",
        "/playground.css": "text/css",
        "/theme.css": "text/css",
        "/samples/1": "image/png",
    }.items():
        status, headers, content = request(server, "GET", path)
        assert status == 200, path
        assert headers["Content-Type"].startswith(kind)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert content
    about = json.loads(request(server, "GET", "/about")[2])
    assert about == {
        "environment": "local",
        "via": "function",
        "samples": [
            {"url": "samples/0", "label": "Green"},
            {"url": "samples/1", "label": "Black"},
        ],
    }


@pytest.mark.parametrize(
    "path",
    [
        "/samples/2",
        "/samples/-1",
        "/samples/01",
        "/samples/../server.py",
        "/../server.py",
        "/page/index.html",
    ],
)
def test_nothing_else_is_served(server: PlaygroundServer, path: str) -> None:
    assert request(server, "GET", path)[0] == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_that_leads_here_is_refused(server: PlaygroundServer, method: str) -> None:
    """An attacker's name that resolves to 127.0.0.1 makes the browser send that name as the host."""
    host = f"attacker.example:{server.server_port}"

    status, _, content = request(server, method, "/", b"", Host=host, Origin=f"http://{host}")

    assert status == 421
    assert b"<html" not in content


@pytest.mark.parametrize("page", [None, "null", "https://attacker.example", "http://127.0.0.1:1"])
def test_a_photo_from_another_page_is_refused_unread(server: PlaygroundServer, page: str | None) -> None:
    headers = {"Origin": page} if page else {}

    status, headers, _ = request(server, "POST", "/predict", picture("Red"), **headers)

    assert status == 403
    assert headers["Connection"] == "close", "the unread photo must not be taken for a request"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/about"), ("GET", "/samples/0"), ("POST", "/predict"), ("GET", "/x/about")],
)
def test_whoever_lacks_the_page_s_secret_gets_nothing(
    server: PlaygroundServer, method: str, path: str
) -> None:
    """Such as another user of the machine, who can send what a browser sends."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, picture("Red"), {"Origin": origin(server)})
    response = connection.getresponse()

    assert response.status == 403
    assert json.loads(response.read()) == {"error": "open the address that ./kennel playground printed"}


def test_localhost_is_this_server_too(server: PlaygroundServer) -> None:
    host = f"localhost:{server.server_port}"

    status, answer = ask(server, picture("White"), Host=host, Origin=f"http://{host}")

    assert status == 200
    assert answer["top"][0]["breed"] == "White"


def test_a_body_without_a_usable_length_is_refused(server: PlaygroundServer) -> None:
    for length, status in ((str(MAXIMUM_BYTES + 1), 413), ("-1", 411), ("9" * 5000, 411)):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
            head = f"POST {server.root}predict HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n"
            head += f"Origin: {origin(server)}\r\n"
            connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
            assert connection.recv(100).split()[1] == str(status).encode(), length


def test_a_taken_port_is_named(server: PlaygroundServer) -> None:
    with pytest.raises(PlaygroundError, match=rf"port {server.server_port} cannot be used .* --port"):
        PlaygroundServer(name_colour, {}, port=server.server_port)
