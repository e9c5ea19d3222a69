"""AWS's Lambda Runtime API for one sandbox: the HTTP server that a function's runtime asks for events.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kennel.localcloud.runtime.peer import is_own

PREFIX = "/2018-06-01/runtime/"
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB, and the error's own figure.
LARGEST_RESPONSE = 6_291_556


@dataclass
class InvocationEvent:
    """What the runtime receives of one invocation."""

    request_id: str
    body: bytes
    function_arn: str
    deadline: float  # seconds since the epoch
    trace_id: str
    client_context: str = ""


@dataclass
class RuntimeResponse:
    """What the runtime sent back; `error` is empty, or the `X-Amz-Function-Error` that Lambda reports."""

    body: bytes
    error: str = ""


@dataclass
class RuntimeExit:
    """The end of the runtime's process before it sent a response."""

    status: int


@dataclass
class _State:
    ready: bool = False  # the runtime asked for its first event
    offered: InvocationEvent | None = None
    taken: InvocationEvent | None = None
    response: RuntimeResponse | None = None
    exit: RuntimeExit | None = None
    closed: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)


class RuntimeApi:
    """The server of one sandbox, for this user's processes. It serves one event at a time, as Lambda does.

    Attributes
    ----------
    address : str
        ``127.0.0.1:port``, for AWS_LAMBDA_RUNTIME_API.
    """

    def __init__(self) -> None:
        self._state = _State()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.state = self._state
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="runtime api", daemon=True).start()

    def wait_ready(self, timeout: float) -> RuntimeResponse | RuntimeExit | None:
        """Wait until the runtime is initialised.

        Returns
        -------
        RuntimeResponse or RuntimeExit or None
            None if it is ready; its own error report, or its exit.

        Raises
        ------
        TimeoutError
            Neither came in `timeout` seconds.
        """
        state = self._state
        with state.changed:
            if not state.changed.wait_for(lambda: state.ready or state.response or state.exit, timeout):
                raise TimeoutError
            return None if state.ready else (state.response or state.exit)

    def invoke(self, event: InvocationEvent) -> RuntimeResponse | RuntimeExit:
        """Hand the runtime an event and wait for its response.

        Raises
        ------
        TimeoutError
            The event's deadline passed. The sandbox is not usable any more.
        """
        state = self._state
        with state.changed:
            state.offered, state.response = event, None
            state.changed.notify_all()
            if not state.changed.wait_for(
                lambda: state.response or state.exit, max(0.0, event.deadline - time.time())
            ):
                raise TimeoutError
            return state.response or state.exit or RuntimeExit(0)

    def exited(self, status: int) -> None:
        """Report that the runtime's process ended, to whoever waits for its response."""
        with self._state.changed:
            self._state.exit = RuntimeExit(status)
            self._state.changed.notify_all()

    def close(self) -> None:
        """Stop serving."""
        with self._state.changed:
            self._state.closed = True
            self._state.changed.notify_all()
        self._server.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    state: _State

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Refuse connections of other users of the machine: the API knows no credential."""
        return is_own(client_address, request.getsockname())

    def stop(self) -> None:
        def end() -> None:
            self.shutdown()  # takes up to half a second: in a thread, so that no caller waits
            self.server_close()

        threading.Thread(target=end, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke belongs to a killed sandbox: nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # the head and the body leave in one packet
    server: _Server

    def do_GET(self) -> None:
        if self.path != PREFIX + "invocation/next":
            self._respond(404, b"{}")
            return
        event = self._next()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(event.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
        }
        if event.client_context:
            headers["Lambda-Runtime-Client-Context"] = event.client_context
        self._respond(200, event.body, headers)

    def _next(self) -> InvocationEvent | None:
        state = self.server.state
        with state.changed:
            state.ready = True
            state.changed.notify_all()
            state.changed.wait_for(lambda: state.offered or state.closed)
            state.taken, state.offered = state.offered, None
            return state.taken

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        state = self.server.state
        if self.path == PREFIX + "init/error":
            self._settle(RuntimeResponse(body, "Unhandled"))
            return
        taken = state.taken.request_id if state.taken else ""
        if self.path == f"{PREFIX}invocation/{taken}/response":
            too_large = len(body) > LARGEST_RESPONSE
            self._settle(RuntimeResponse(_too_large(), "Unhandled") if too_large else RuntimeResponse(body))
        elif self.path == f"{PREFIX}invocation/{taken}/error":
            self._settle(RuntimeResponse(body, "Unhandled"))
        else:
            self._respond(400, b'{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}')

    def _settle(self, response: RuntimeResponse) -> None:
        self._respond(202, b'{"status":"OK"}')
        self.wfile.flush()
        state = self.server.state
        with state.changed:
            if state.response is None:
                state.response = response
            state.changed.notify_all()

    def _respond(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _too_large() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes)."
    return json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).encode()
