"""The function's modules, imported as Lambda does: from their own folder on the path."""

from __future__ import annotations

import http.server
import importlib
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from email.message import Message
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "lambda" / "predict"
PHOTOS = {
    "image/jpeg": b"\xff\xd8\xff\xe0 a jpeg",
    "image/png": b"\x89PNG\r\n\x1a\n a png",
    "image/webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
}


@pytest.fixture(scope="session")
def modules() -> Iterator[dict[str, ModuleType]]:
    """All modules of the function, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.syspath_prepend(str(SOURCE))
        loaded = {path.stem: importlib.import_module(path.stem) for path in sorted(SOURCE.glob("*.py"))}
        assert all(str(module.__file__).startswith(str(SOURCE)) for module in loaded.values())
        yield loaded
        for name in loaded:
            sys.modules.pop(name, None)


class Reply(NamedTuple):
    """What the server answers next.

    `hold` keeps it back until the test ends, `drop` closes the connection after it without announcing that,
    and `cut` closes it after so many bytes of the body.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})
    hold: bool = False
    drop: bool = False
    cut: int | None = None


class Received(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: Message
    body: bytes


class AwsServer:
    """A server that plays AWS: it answers with `replies`, in turn, and keeps what it received."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Received] = []
        self.connections = 0
        self._end = threading.Event()
        played = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                played.connections += 1
                super().setup()

            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reply = played.replies[len(played.requests)]
                played.requests.append(Received(self.command, self.path, self.headers, body))
                if reply.hold:
                    played._end.wait()
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut])
                if reply.drop or reply.cut is not None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign] # the function hung up
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._end.set()
        self._http.shutdown()
        self._http.socket.close()
        self._thread.join()


@pytest.fixture
def aws(modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    """A server that plays AWS, at the address that the function's environment names."""
    server = AwsServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def pauses(modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, none of which is waited for."""
    made: list[float] = []
    monkeypatch.setattr(modules["aws_service"].time, "sleep", made.append)
    return made


@pytest.fixture
def photo() -> bytes:
    """A body that begins as a JPEG does."""
    return PHOTOS["image/jpeg"]


@pytest.fixture
def photos() -> dict[str, bytes]:
    """A body for each media type that the endpoint reads."""
    return PHOTOS


@pytest.fixture
def prediction_error(modules: dict[str, ModuleType]) -> Any:
    """The exception whose message the caller receives."""
    return modules["http_response"].PredictionError
