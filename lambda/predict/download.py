"""Download a photo from a caller's URL without giving the caller access to private addresses (SSRF).

A host name is resolved once, all of its addresses must be public, and the connection goes to one of exactly
those addresses while TLS still verifies the name. A different answer to a second look-up (DNS rebinding)
therefore has no effect. Redirects are checked in the same way.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import tls
from address import Address, is_public
from http_response import PredictionError
from photo_format import MAXIMUM_BYTES, too_large

MAXIMUM_REDIRECTS = 3
_REDIRECTS = {301, 302, 303, 307, 308}
_CHUNK = 64 * 1024

Resolver = Callable[[str, int], list[Address]]


class Deadline:
    """A time limit for a whole download, independent of how slowly the server sends."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the remaining seconds.

        Raises
        ------
        PredictionError
            504 if none remain.
        """
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise PredictionError(504, "the photo's server took too long")
        return remaining


class Target(NamedTuple):
    """The target of one request: host name (verified by TLS), path, and checked addresses."""

    host: str
    path: str
    addresses: list[Address]


class _PinnedConnection(http.client.HTTPSConnection):
    """HTTPS to a checked address; TLS verifies the host name."""

    def __init__(self, target: Target, port: int, context: ssl.SSLContext, deadline: Deadline) -> None:
        super().__init__(target.host, port, context=context)
        self._target = target
        self._tls = context
        self._deadline = deadline

    def connect(self) -> None:
        """Connect to the first checked address that accepts the connection."""
        last_error: OSError | None = None
        for address in self._target.addresses:
            try:
                plain = socket.create_connection((str(address), self.port), self._deadline.remaining())
            except OSError as error:
                last_error = error
                continue
            self.sock = self._tls.wrap_socket(
                plain, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            return
        raise last_error or OSError("no address")

    def abort(self) -> None:
        """End a blocking read; called from the timer's thread."""
        if self.sock is not None:
            with suppress(OSError):
                # Not SSLSocket.shutdown: it discards the TLS state while the other thread reads.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def resolve(host: str, port: int) -> list[Address]:
    """Return all addresses of a host name, in the system's order of preference."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in entries))


def fetch_photo(
    url: str,
    seconds: float,
    *,
    resolver: Resolver = resolve,
    context: ssl.SSLContext | None = None,
    port: int = 443,
    allowed: Callable[[Address], bool] = is_public,
) -> bytes:
    """Return the bytes at an https URL.

    Parameters
    ----------
    seconds
        Time limit for name resolution, connections, redirects and data together.
    resolver, context, port, allowed
        How names are resolved, TLS, the port, and which addresses are allowed; tests replace them to
        use a server of their own.

    Raises
    ------
    PredictionError
        400 for a URL that is not allowed, 413 for a photo that is too large, 422 for a server that does
        not deliver, 504 for a server that is too slow.
    """
    deadline = Deadline(seconds)
    settings = context or tls.public()
    for _ in range(MAXIMUM_REDIRECTS + 1):
        target = _check(url, port, deadline, resolver, allowed)
        try:
            location, photo = _request(target, port, settings, deadline)
        except (OSError, http.client.HTTPException) as error:
            deadline.remaining()  # raises 504 if the timer aborted the connection
            raise PredictionError(
                422, "the photo's server could not be reached", cause=repr(error)
            ) from error
        if location is None:
            return photo
        try:
            url = urljoin(url, location)
        except ValueError as error:
            raise PredictionError(
                422, "the photo's server redirects to something that is not a URL"
            ) from error
    raise PredictionError(422, f"the photo's server redirects more than {MAXIMUM_REDIRECTS} times")


def _check(
    url: str, port: int, deadline: Deadline, resolver: Resolver, allowed: Callable[[Address], bool]
) -> Target:
    if len(url) > 2048 or not url.isprintable() or any(sign in url for sign in ' \\"<>'):
        raise PredictionError(400, "the url is not a URL")
    try:
        parts = urlsplit(url)
        host, explicit = parts.hostname or "", parts.port
    except ValueError as error:
        raise PredictionError(400, "the url is not a URL") from error
    if parts.scheme != "https":
        raise PredictionError(400, "the url must begin with https://")
    if "@" in parts.netloc:
        raise PredictionError(400, "the url must not carry a user name or password")
    if explicit not in (None, port):
        raise PredictionError(400, "the url must use https's own port")
    try:
        host = host.encode("idna").decode("ascii") if host else ""
    except UnicodeError as error:
        raise PredictionError(400, "the url's host is not a name") from error
    if not host or "%" in host:
        raise PredictionError(400, "the url's host is not a name")
    addresses = _resolve(host, port, deadline, resolver)
    if not addresses or not all(allowed(address) for address in addresses):
        raise PredictionError(400, "the url's host has no public address")
    path = quote(parts.path or "/", safe="/%:=&~+!$,;'()*@[]-._")
    query = quote(parts.query, safe="/%:=&?~+!$,;'()*@[]-._")
    return Target(host, f"{path}?{query}" if query else path, addresses)


def _resolve(host: str, port: int, deadline: Deadline, resolver: Resolver) -> list[Address]:
    """Resolve in a separate thread: the system's resolver has no time limit."""
    addresses: list[Address] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            addresses.extend(resolver(host, port))
        except (OSError, ValueError) as error:  # UnicodeError (names over 63 letters) is a ValueError
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    if thread.is_alive():
        raise PredictionError(504, "the url's host could not be looked up in time")
    if errors:
        raise PredictionError(422, "the url's host does not exist", cause=repr(errors[0]))
    return addresses


def _request(
    target: Target, port: int, settings: ssl.SSLContext, deadline: Deadline
) -> tuple[str | None, bytes]:
    """Send one request; return the location that it redirects to, or None and the body."""
    connection = _PinnedConnection(target, port, settings, deadline)
    timer = threading.Timer(deadline.remaining(), connection.abort)
    timer.daemon = True
    timer.start()
    try:
        connection.connect()
        connection.sock.settimeout(deadline.remaining())
        connection.sock.do_handshake()
        connection.request(
            "GET",
            target.path,
            headers={
                "Accept": "image/jpeg, image/png, image/webp",
                "Accept-Encoding": "identity",
                "Connection": "close",
                "User-Agent": "kennel-predict",
            },
        )
        response = connection.getresponse()
        if response.status in _REDIRECTS and response.getheader("Location"):
            return response.getheader("Location"), b""
        if response.status != 200:
            raise PredictionError(422, f"the photo's server answered {response.status}")
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise PredictionError(
                422, "the photo's server compresses its response although the request excludes that"
            )
        return None, _read(response, deadline)
    finally:
        timer.cancel()
        connection.close()


def _read(response: http.client.HTTPResponse, deadline: Deadline) -> bytes:
    declared = response.getheader("Content-Length", "")
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > MAXIMUM_BYTES):
        raise too_large()
    photo = bytearray()
    while chunk := response.read1(_CHUNK):
        deadline.remaining()
        photo += chunk
        if len(photo) > MAXIMUM_BYTES:
            raise too_large()
    deadline.remaining()
    if declared.isdecimal() and len(photo) != int(declared):
        raise PredictionError(422, "the photo's server sent less than it declared")
    return bytes(photo)
