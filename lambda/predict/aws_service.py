"""Signed requests to an AWS service, over a connection that stays open between warm invocations.

boto3 would do the same; importing it and making two clients took most of this function's initialisation
(docs/performance.md has the figures). Proxies are not used.
"""

from __future__ import annotations

import json
import random
import re
import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import signature
import tls

ATTEMPTS = 3
CONNECT_SECONDS, READ_SECONDS = 2.0, 20.0
SHORTEST_SECONDS = 1.0  # an attempt that would have less is not begun
PAUSE_SECONDS = 0.5  # at most, before the second attempt; twice that before the third
IDLE_SECONDS = (
    30.0  # a connection that was unused for longer may have been closed while the sandbox was frozen
)
_CHUNK = 256 * 1024

THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown"}
BUSY = {
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "InternalError",
    "InternalFailure",
    "InternalDependencyException",
    "ModelNotReadyException",
}
MODEL_ERROR = "ModelError"
_XML_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")


class UnreachableError(OSError):
    """No connection could be made; `late` if that took too long."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(repr(cause))
        self.late = isinstance(cause, TimeoutError)


class TooLargeError(Exception):
    """A response has more bytes than its request allows."""


class ServiceError(Exception):
    """The service refused a request.

    Parameters
    ----------
    code
        The service's name of the error.
    status
        The HTTP status.
    retry_after
        Seconds after which the service may be asked again, if it says so.
    members
        The error's JSON document; empty if it has none.
    """

    def __init__(self, code: str, status: int, retry_after: int | None, members: dict[str, Any]) -> None:
        super().__init__(code)
        self.code, self.status, self.retry_after, self.members = code, status, retry_after, members

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a moment later; the model itself is not asked again."""
        if self.code == MODEL_ERROR:
            return False
        return self.status in (429, 500, 502, 503, 504) or self.code in THROTTLED | BUSY


class Request(NamedTuple):
    """A request. Its URL is percent-encoded and has no query; `largest` limits the response, in bytes."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    largest: int


class Response(NamedTuple):
    """A response with a status below 300; the names of its headers are in lower case."""

    headers: dict[str, str]
    body: bytes


class Service:
    """One AWS service, by the name that requests are signed for."""

    def __init__(self, signing_name: str) -> None:
        self._signing_name = signing_name
        self._connection: HTTPConnection | None = None
        self._server, self._used = "", 0.0

    def send(self, request: Request, region: str, end: float) -> Response:
        """Send a request, again if that may help, and return the service's response.

        Parameters
        ----------
        end
            When it gives up, on the clock of `time.monotonic`.

        Raises
        ------
        ServiceError
            The service refused the request.
        UnreachableError, OSError, HTTPException
            There is no response; `TimeoutError` if there is none in time.
        TooLargeError
            The response is too large.
        KeyError
            The environment has no credentials.
        """
        attempt = 1
        while True:
            try:
                return self._attempt(request, region, end)
            except ServiceError as error:
                if not error.passing or not _paused(attempt, end, error.retry_after):
                    raise
            except (OSError, HTTPException) as error:
                # A model that takes too long still works on the photo: another attempt would double its load.
                # A certificate does not become valid.
                if isinstance(error, TimeoutError | ssl.SSLError) or not _paused(attempt, end, None):
                    raise
            attempt += 1

    def _attempt(self, request: Request, region: str, end: float) -> Response:
        parts = urlsplit(request.url)
        signed = signature.signed(
            request.method,
            parts.path,
            {**request.headers, "Host": parts.netloc},
            request.body,
            signature.Scope(region, self._signing_name),
            signature.credentials(),
        )
        server = f"{parts.scheme}://{parts.netloc}"
        if self._connection and server == self._server and time.time() - self._used < IDLE_SECONDS:
            try:
                return self._exchange(self._connection, request, parts.path, signed, end)
            except TimeoutError:
                raise
            except (OSError, HTTPException):
                pass  # the service had closed the connection: that says nothing about the request
        self._close()
        connection = _connect(parts.scheme, parts.hostname or "", parts.port, end)
        self._connection, self._server = connection, server
        return self._exchange(connection, request, parts.path, signed, end)

    def _exchange(
        self, connection: HTTPConnection, request: Request, path: str, headers: dict[str, str], end: float
    ) -> Response:
        try:
            connection.sock.settimeout(_left(end, READ_SECONDS))
            connection.request(request.method, path, request.body or None, headers)
            response = connection.getresponse()
            body = _read(connection, response, request.largest, end)
        except BaseException:
            self._close()
            raise
        self._used = time.time()
        if response.will_close:
            self._close()
        received = {name.lower(): value for name, value in response.getheaders()}
        if response.status >= 300:
            raise _error(response.status, received, body)
        return Response(received, body)

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


def _connect(scheme: str, host: str, port: int | None, end: float) -> HTTPConnection:
    seconds = _left(end, CONNECT_SECONDS)
    connection: HTTPConnection
    if scheme == "https":
        connection = HTTPSConnection(host, port, timeout=seconds, context=tls.aws())
    else:
        connection = HTTPConnection(host, port, timeout=seconds)
    try:
        connection.connect()
    except ssl.SSLError:
        raise
    except OSError as error:
        raise UnreachableError(error) from error
    return connection


def _read(connection: HTTPConnection, response: HTTPResponse, largest: int, end: float) -> bytes:
    if response.length is not None and response.length > largest:
        raise TooLargeError
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > largest:
            raise TooLargeError
        if connection.sock is not None:  # http.client lets go of it when the service closes the connection
            connection.sock.settimeout(_left(end, READ_SECONDS))
    response.close()  # read1 does not do that by itself, and http.client then refuses the next request
    if response.length:
        raise ConnectionError("the service closed the connection before its response was complete")
    return bytes(body)


def _left(end: float, most: float) -> float:
    """Return the seconds until `end`, `most` at most."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time is left")
    return min(left, most)


def _paused(attempt: int, end: float, retry_after: int | None) -> bool:
    """Wait before another attempt; False if there is none, or no time for it.

    The pause is random, as AWS advises, so that callers that failed together do not come back together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    pause = random.uniform(0, PAUSE_SECONDS * 2 ** (attempt - 1))  # noqa: S311 - no secret depends on it
    pause = max(pause, retry_after or 0)
    if attempt >= ATTEMPTS or time.monotonic() + pause + SHORTEST_SECONDS > end:
        return False
    time.sleep(pause)
    return True


def _error(status: int, headers: dict[str, str], body: bytes) -> ServiceError:
    """Return a refusal: REST services name the error in a header or in JSON, S3 in XML."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    members: dict[str, Any] = document if isinstance(document, dict) else {}
    named = headers.get("x-amzn-errortype") or members.get("code") or members.get("__type")
    if named is None and (xml := _XML_CODE.search(body)):
        named = xml[1].decode()
    code = str(named or status).partition(":")[0].rpartition("#")[2]
    waits = headers.get("retry-after", "")
    retry_after = int(waits) if waits.isdecimal() and len(waits) < 5 else None
    return ServiceError(code, status, retry_after, members)
