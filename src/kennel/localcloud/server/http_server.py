"""The HTTP server: connections stay open for further requests, and no client takes a response for lost."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import socket
import threading
from typing import IO, Any
from wsgiref.types import WSGIApplication

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from kennel.localcloud.protocol.messages import Environ

log = logging.getLogger(__name__)

IDLE_SECONDS = 120.0  # of a connection, until it is closed: AWS's SDK for Go closes its own after 90
KEPT_CONNECTIONS = 200  # open at once; each has a thread, and others end with their response
LINGER_SECONDS = 5.0
RESPONSE_BUFFER = 65_536  # bytes
LENGTH = re.compile(r"[0-9]{1,18}")


class Server(ThreadedWSGIServer):
    """werkzeug's server, with a thread for each connection.

    Parameters
    ----------
    listener
        The socket that is bound already; it stays the caller's.
    app
        What answers.

    Attributes
    ----------
    kept
        A place for each connection that stays open.
    ending
        Whether no further request is answered, on open connections either.
    """

    def __init__(self, listener: socket.socket, app: WSGIApplication) -> None:
        self.kept = threading.BoundedSemaphore(KEPT_CONNECTIONS)
        self.ending = False
        host, port = listener.getsockname()
        super().__init__(host, port, app, handler=RequestHandler, fd=listener.fileno())

    def shutdown(self) -> None:
        """Answer what has arrived, and no further request."""
        self.ending = True
        super().shutdown()


class RequestHandler(MotoRequestHandler):
    """moto's request handler, changed so that connections are kept, and no client takes a response for lost.

    A client that takes a response for lost asks again, and a resource is created twice. Two things made Go's
    HTTP client, and so Terraform's provider, do so, on connections that ended with the response:

    - The server closed the connection right behind the response. It now waits for the client's end of the
      connection, `LINGER_SECONDS` at most.
    - The response arrived before the client's own goroutine had finished with the request. The client then
      closes the connection once it has the headers, and fails to read a body that comes in a segment of its
      own (seen in a packet trace: a reset 0.1 ms after the headers, 3 of 1983 requests). Headers and body now
      leave in one write, and the client has both in its buffer.
    """

    server: Server
    rfile: io.BufferedReader
    wbufsize = RESPONSE_BUFFER
    disable_nagle_algorithm = True  # the rest of a long response would wait for the client's acknowledgement

    def setup(self) -> None:
        """Take the connection."""
        super().setup()
        self._keeps = self.server.kept.acquire(blocking=False)
        self._lingers = True

    def handle_one_request(self) -> None:
        """Wait for a request and answer it; the connection ends without one, and with the server."""
        self.connection.settimeout(IDLE_SECONDS)
        self.close_connection = True
        self._lingers = False
        with contextlib.suppress(TimeoutError):
            self._lingers = self.rfile.peek(1) != b"" and not self.server.ending
        if self._lingers:
            super().handle_one_request()

    def run_wsgi(self) -> None:
        """Answer one request. The connection stays open if its body was read, and the client keeps it too."""
        self.environ = environ = self.make_environ()
        content = self._content(environ)
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = status, headers

        try:
            answer = self.server.app(environ, start_response)
            if ("Transfer-Encoding", "chunked") in started[1]:
                self.close_connection = True
                self._send_parts(started[0], started[1], answer)
                return
            body = b"".join(answer)
        except ConnectionError:  # the client is gone
            self.close_connection = True
            return
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            body = b"The local cloud failed. Its log says more.\n"
            length = ("Content-Length", str(len(body)))
            started[:] = "500 Internal Server Error", [("Content-Type", "text/plain"), length]
        keeps = self._keeps and not self.server.ending and self.request_version == "HTTP/1.1"
        if not keeps or content is None or content.left:
            self.close_connection = True
        self._send_head(*started)
        self.wfile.write(body)
        self.wfile.flush()

    def _content(self, environ: Environ) -> _Content | None:
        """Give the request a body that ends; None if its length is not known, no number or ambiguous."""
        lengths = self.headers.get_all("Content-Length") or ["0"]
        if "Transfer-Encoding" in self.headers or len(lengths) > 1 or not LENGTH.fullmatch(lengths[0]):
            return None
        environ["wsgi.input"] = content = _Content(self.rfile, int(lengths[0]))
        return content

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        closes = self.close_connection
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            if name.lower() != "connection":  # of a function, which does not have it
                self.send_header(name, value)
        if closes:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_parts(self, status: str, headers: list[tuple[str, str]], parts: Any) -> None:
        """Send a body in chunks, each as soon as it is there; without its end the last one is missing."""
        with contextlib.closing(parts):
            self._send_head(status, headers)
            self.wfile.flush()
            try:
                for part in parts:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
                self.wfile.flush()
            except ConnectionError:
                raise
            except Exception:
                log.exception("%s %s failed in the middle of its response", self.command, self.path)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing: the audit log has the requests."""

    def handle_expect_100(self) -> bool:
        """Tell the client at once to send the body: it waits a second for this line otherwise."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def finish(self) -> None:
        """Wait until the client has closed its end, if a response is under way; then close the connection."""
        if self._keeps:
            self.server.kept.release()
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.settimeout(LINGER_SECONDS)
            while self._lingers and self.connection.recv(65_536):
                pass
        with contextlib.suppress(OSError):  # the client is gone
            super().finish()


class _Content:
    """A request's body of known length, which ends where the next request begins.

    Attributes
    ----------
    left
        How many bytes were not read yet.
    """

    def __init__(self, connection: IO[bytes], length: int) -> None:
        self._connection, self.left = connection, length

    def read(self, size: int = -1) -> bytes:
        content = self._connection.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(content)
        return content
