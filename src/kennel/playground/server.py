"""The playground's web server: on this machine only, for its own page only.

Four things keep others out. The socket listens on the loopback address. Every path begins with a secret of
this server, unknown to other users of the machine; the page hands it to nobody (``Referrer-Policy``). The
``Host`` header must be this server's address: a name that an attacker points at 127.0.0.1 (DNS rebinding) is
refused. A photo is accepted from this page's origin only.
"""

from __future__ import annotations

import json
import mimetypes
import re
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kennel import report
from kennel.errors import KennelError
from kennel.playground import PlaygroundError
from kennel.playground.answers import Classify
from kennel.playground.samples import Sample

ADDRESS = "127.0.0.1"
MAXIMUM_BYTES = 64 * 1024 * 1024  # larger photos than any camera's; what the function takes is smaller
SECRET_BYTES = 18
SECONDS = 60  # that a connection may be silent
PAGE = Path(__file__).parent / "page"
FILES = {
    "": (PAGE / "index.html", "text/html; charset=utf-8"),
    "playground.css": (PAGE / "playground.css", "text/css; charset=utf-8"),
    "playground.js": (PAGE / "playground.js", "text/javascript; charset=utf-8"),
    "theme.css": (Path(report.__file__).parent / "theme.css", "text/css; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class PlaygroundServer(ThreadingHTTPServer):
    """Serves the page, its samples and the answers of a classifier.

    Parameters
    ----------
    classify
        Returns the answer for a photo's bytes; may be called from several threads at once.
    about
        What the page shows above the results, such as ``environment``, ``via`` and ``release``.
    samples
        The gallery's photos.
    port
        Where to listen; 0 for a free port.

    Raises
    ------
    PlaygroundError
        The port is taken.
    """

    daemon_threads = True

    def __init__(
        self, classify: Classify, about: dict[str, str], samples: Sequence[Sample] = (), port: int = 0
    ) -> None:
        self.classify, self.about = classify, about
        self.root = f"/{secrets.token_urlsafe(SECRET_BYTES)}/"
        self.gallery = {f"samples/{number}": sample for number, sample in enumerate(samples)}
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise PlaygroundError(
                f"port {port} cannot be used ({error.strerror}): give another one with --port, 0 for any"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong with a request; a browser that goes away early is nothing wrong."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """The page's address, which is a secret."""
        return f"http://{ADDRESS}:{self.server_port}{self.root}"

    @property
    def hosts(self) -> set[str]:
        """The values of ``Host`` that are this server."""
        return {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}


class _Refused(Exception):  # noqa: N818 - a response, not a fault of the program
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SECONDS
    server: PlaygroundServer

    def do_GET(self) -> None:
        """Serve the page, what it shows, or a sample."""
        self._respond(self._get)

    def do_POST(self) -> None:
        """Answer for a photo."""
        self._respond(self._post)

    def _respond(self, work: Any) -> None:
        try:
            if self.headers.get("Host") not in self.server.hosts:
                raise _Refused(HTTPStatus.MISDIRECTED_REQUEST, "the request is for another host")
            root = self.server.root
            if not secrets.compare_digest(self.path[: len(root)].encode(), root.encode()):
                raise _Refused(HTTPStatus.FORBIDDEN, "open the address that ./kennel playground printed")
            status, content, media_type = work(self.path[len(root) :].partition("?")[0])
        except _Refused as refused:
            # A body that was not read would be taken for the next request.
            self.close_connection = True
            status, content, media_type = refused.status, *_json({"error": str(refused)})
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def _get(self, path: str) -> tuple[HTTPStatus, bytes, str]:
        if path in FILES:
            file, media_type = FILES[path]
            return HTTPStatus.OK, file.read_bytes(), media_type
        if path == "about":
            samples = [{"url": url, "label": sample.label} for url, sample in self.server.gallery.items()]
            return HTTPStatus.OK, *_json({**self.server.about, "samples": samples})
        if path in self.server.gallery:
            photo = self.server.gallery[path].path
            media_type = mimetypes.guess_type(photo.name)[0] or "application/octet-stream"
            return HTTPStatus.OK, photo.read_bytes(), media_type
        raise _Refused(HTTPStatus.NOT_FOUND, "there is no such page")

    def _post(self, path: str) -> tuple[HTTPStatus, bytes, str]:
        started = time.monotonic()
        if self.headers.get("Origin") not in {f"http://{host}" for host in self.server.hosts}:
            raise _Refused(HTTPStatus.FORBIDDEN, "photos are accepted from this page only")
        if path != "predict":
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        photo = self._body()
        try:
            answer = self.server.classify(photo)
        except KennelError as error:
            return HTTPStatus.UNPROCESSABLE_ENTITY, *_json({"error": str(error)})
        document = {**asdict(answer), "server_seconds": time.monotonic() - started}
        status = HTTPStatus.BAD_GATEWAY if answer.error else HTTPStatus.OK
        return status, *_json(document)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,12}", length):
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "the request has no length")
        if int(length) > MAXIMUM_BYTES:
            most = MAXIMUM_BYTES // 1024**2
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the photo has more than {most} MB")
        return self.rfile.read(int(length))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing: the terminal shows the address, and the page every answer."""


def _json(document: dict[str, Any]) -> tuple[bytes, str]:
    return json.dumps(document).encode(), "application/json"
