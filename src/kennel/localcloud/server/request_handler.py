"""How one HTTP connection is served: the response leaves in one write, and the client closes first."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

log = logging.getLogger(__name__)

LINGER_SECONDS = 5.0
RESPONSE_BUFFER = 65_536  # bytes


class RequestHandler(MotoRequestHandler):
    """moto's request handler, changed so that no client takes a response for lost.

    A client that takes a response for lost asks again, and a resource is created twice. Every response says
    ``Connection: close``, and on a busy machine two things made Go's HTTP client, and so Terraform's
    provider, do so:

    - The server closed the connection right behind the response. It now waits for the client's end of the
      connection, `LINGER_SECONDS` at most.
    - The response arrived before the client's own goroutine had finished with the request. The client then
      closes the connection once it has the headers, and fails to read a body that comes in a segment of its
      own (seen in a packet trace: a reset 0.1 ms after the headers, 3 of 1983 requests). Headers and body now
      leave in one write, and the client has both in its buffer.
    """

    wbufsize = RESPONSE_BUFFER

    def run_wsgi(self) -> None:
        """Answer one request.

        werkzeug would look for the rest of the request before this returns, with a selector and a buffer of
        10 MB; `finish` reads until the client has closed.
        """
        self.environ = environ = self.make_environ()
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = status, headers

        try:
            answer = self.server.app(environ, start_response)
            if ("Transfer-Encoding", "chunked") in started[1]:
                self._send_parts(started[0], started[1], answer)
                return
            body = b"".join(answer)
        except ConnectionError:  # the client is gone
            return
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            body = b"The local cloud failed. Its log says more.\n"
            length = ("Content-Length", str(len(body)))
            started[:] = "500 Internal Server Error", [("Content-Type", "text/plain"), length]
        self._send_head(*started)
        self.wfile.write(body)
        self.wfile.flush()

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in [*headers, ("Connection", "close")]:
            self.send_header(name, value)
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
        """Wait until the client has closed its end, then close the connection."""
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.settimeout(LINGER_SECONDS)
            while self.connection.recv(65_536):
                pass
        with contextlib.suppress(OSError):  # the client is gone
            super().finish()
