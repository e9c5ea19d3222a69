"""What is sent to the function's URL: the photo, signed so that a service accepts it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from kennel.aws import StackError, function_url, prediction
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.photos import Photo
from kennel.aws.session import Workspace
from kennel.localcloud.protocol.signature import read_signature
from kennel.localcloud.protocol.sigv4 import verify

SECRET = "secret"
LOCAL = Workspace.of("local")


@dataclass
class Server:
    """A service that answers what it is set to answer, to requests with a right signature."""

    url: str = ""
    status: str = "200 OK"
    answer: bytes = b"[[1.0]]"
    received: list[tuple[str, str, bytes]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["RAW_URI"] = environ["PATH_INFO"]
        signature = read_signature(environ)
        assert signature is not None
        verify(signature, SECRET, environ, body)
        self.received.append((signature.service, environ["CONTENT_TYPE"], body))
        start_response(self.status, [("Content-Type", "application/json"), ("X-Request-Id", "id-1")])
        return [self.answer]


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, format: str, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    application = Server()
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as http:
        application.url = f"http://127.0.0.1:{http.server_port}/"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield application
        http.shutdown()
        thread.join()


def asked(server: Server, photo: str, prepared: Photo | None) -> tuple[int, dict[str, str], str]:
    return prediction._via_url(LOCAL, Stack({"function": {"url": server.url}}), photo, prepared)


def test_a_photo_is_sent_as_it_is_and_its_answer_returned(server: Server) -> None:
    status, headers, body = asked(server, "dog.jpg", Photo(b"\xff\xd8photo", "image/jpeg"))

    assert (status, json.loads(body), headers["X-Request-Id"]) == (200, [[1.0]], "id-1")
    assert server.received == [("lambda", "image/jpeg", b"\xff\xd8photo")]


def test_an_address_is_sent_as_an_event(server: Server) -> None:
    asked(server, "https://example.org/dog.jpg", None)

    [(_, content_type, body)] = server.received
    assert content_type == "application/json"
    assert json.loads(body) == {"url": "https://example.org/dog.jpg"}


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        ("403 Forbidden", b'{"Message":"Forbidden"}', {"Message": "Forbidden"}),
        ("502 Bad Gateway", b"Internal Server Error\n", {"error": "Internal Server Error"}),
    ],
)
def test_a_refusal_is_json_whatever_lambda_wrote(
    status: str, answer: bytes, error: dict[str, str], server: Server
) -> None:
    server.status, server.answer = status, answer

    code, _, body = function_url.post(server.url, b"{}", "application/json")

    assert code == int(status.split()[0])
    assert json.loads(body) == error


def test_a_function_without_a_url_names_the_setting(server: Server) -> None:
    with pytest.raises(StackError, match=r"write function = \{ url = true \} into .*local\.tfvars"):
        prediction._via_url(LOCAL, Stack({"function": {"url": None}}), "dog.jpg", None)


def test_without_credentials_the_remedy_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(StackError, match="run aws sso login"):
        function_url.post(server.url, b"{}", "application/json")
