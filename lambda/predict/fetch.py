"""Fetch a photo from a stranger's URL without being sent anywhere that the stranger could not go himself.

A name is resolved once, every address it has must be public, and the connection goes to one of exactly those
addresses while TLS still proves the name: a second, different answer of the resolver (DNS rebinding) finds
nobody listening to it. Redirects go through the same door.
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
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from address import Address, is_public
from answer import Refusal
from picture import LARGEST, too_large

MOST_REDIRECTS = 3
_REDIRECTS = {301, 302, 303, 307, 308}
_CHUNK = 64 * 1024

Resolver = Callable[[str, int], list[Address]]


class Deadline:
    """A moment after which everything ends, however slowly the other side drips."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises
        ------
        Refusal
            504 when none are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise Refusal(504, "the photo's server took too long")
        return left


@dataclass(frozen=True)
class Target:
    """Where one request goes: a name to prove, a path to ask for, addresses that were checked."""

    host: str
    path: str
    addresses: list[Address]


class _PinnedConnection(http.client.HTTPSConnection):
    """HTTPS to a given address, proving the given name."""

    def __init__(self, target: Target, port: int, context: ssl.SSLContext, deadline: Deadline) -> None:
        super().__init__(target.host, port, context=context)
        self._target = target
        self._tls = context
        self._deadline = deadline

    def connect(self) -> None:
        """Connect to the first checked address that answers."""
        trouble: OSError | None = None
        for address in self._target.addresses:
            try:
                plain = socket.create_connection((str(address), self.port), self._deadline.remaining())
            except OSError as error:
                trouble = error
                continue
            self.sock = self._tls.wrap_socket(
                plain, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            return
        raise trouble or OSError("no address")

    def cut(self) -> None:
        """End whatever is being read; called from the deadline's thread."""
        if self.sock is not None:
            with suppress(OSError):
                # Not SSLSocket.shutdown: that would take the TLS state from under the thread that reads.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def resolve(host: str, port: int) -> list[Address]:
    """Return all addresses of a name, in the system's order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


def fetch(
    url: str,
    seconds: float,
    *,
    resolver: Resolver = resolve,
    context: ssl.SSLContext | None = None,
    port: int = 443,
    allowed: Callable[[Address], bool] = is_public,
) -> bytes:
    """Return what lies at an https URL.

    Parameters
    ----------
    seconds
        For everything together: names, connections, redirects, bytes.
    resolver, context, port, allowed
        The network's parts; other ones only to test against a server of one's own.

    Raises
    ------
    Refusal
        400 for a URL that is not to be fetched, 413 for too much, 422 for a server that does not deliver,
        504 for one that is too slow.
    """
    deadline = Deadline(seconds)
    tls = context or ssl.create_default_context()
    for _ in range(MOST_REDIRECTS + 1):
        target = _check(url, port, deadline, resolver, allowed)
        try:
            onward, photo = _ask(target, port, tls, deadline)
        except (OSError, http.client.HTTPException) as error:
            deadline.remaining()  # a connection that the deadline cut is too slow, not broken
            raise Refusal(422, "the photo's server could not be reached", cause=repr(error)) from error
        if onward is None:
            return photo
        try:
            url = urljoin(url, onward)
        except ValueError as error:
            raise Refusal(422, "the photo's server redirects to something that is not a URL") from error
    raise Refusal(422, f"the photo's server redirects more than {MOST_REDIRECTS} times")


def _check(
    url: str, port: int, deadline: Deadline, resolver: Resolver, allowed: Callable[[Address], bool]
) -> Target:
    if len(url) > 2048 or not url.isprintable() or any(sign in url for sign in ' \\"<>'):
        raise Refusal(400, "the url is not a URL")
    try:
        parts = urlsplit(url)
        host, explicit = parts.hostname or "", parts.port
    except ValueError as error:
        raise Refusal(400, "the url is not a URL") from error
    if parts.scheme != "https":
        raise Refusal(400, "the url must begin with https://")
    if "@" in parts.netloc:
        raise Refusal(400, "the url must not carry a user name or password")
    if explicit not in (None, port):
        raise Refusal(400, "the url must use https's own port")
    try:
        host = host.encode("idna").decode("ascii") if host else ""
    except UnicodeError as error:
        raise Refusal(400, "the url's host is not a name") from error
    if not host or "%" in host:
        raise Refusal(400, "the url's host is not a name")
    addresses = _resolve(host, port, deadline, resolver)
    if not addresses or not all(allowed(address) for address in addresses):
        raise Refusal(400, "the url's host has no public address")
    path = quote(parts.path or "/", safe="/%:=&~+!$,;'()*@[]-._")
    query = quote(parts.query, safe="/%:=&?~+!$,;'()*@[]-._")
    return Target(host, f"{path}?{query}" if query else path, addresses)


def _resolve(host: str, port: int, deadline: Deadline, resolver: Resolver) -> list[Address]:
    """Resolve in a thread of its own: the system's resolver knows no time limit."""
    found: list[Address] = []
    trouble: list[Exception] = []

    def work() -> None:
        try:
            found.extend(resolver(host, port))
        except (OSError, ValueError) as error:  # UnicodeError, for names over 63 letters, is a ValueError
            trouble.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    if thread.is_alive():
        raise Refusal(504, "the url's host could not be looked up in time")
    if trouble:
        raise Refusal(422, "the url's host does not exist", cause=repr(trouble[0]))
    return found


def _ask(target: Target, port: int, tls: ssl.SSLContext, deadline: Deadline) -> tuple[str | None, bytes]:
    """Make one request; returns where it redirects to, or None and the body."""
    connection = _PinnedConnection(target, port, tls, deadline)
    watch = threading.Timer(deadline.remaining(), connection.cut)
    watch.daemon = True
    watch.start()
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
            raise Refusal(422, f"the photo's server answered {response.status}")
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise Refusal(422, "the photo's server compresses what it was asked not to")
        return None, _read(response, deadline)
    finally:
        watch.cancel()
        connection.close()


def _read(response: http.client.HTTPResponse, deadline: Deadline) -> bytes:
    declared = response.getheader("Content-Length", "")
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > LARGEST):
        raise too_large()
    photo = bytearray()
    while chunk := response.read1(_CHUNK):
        deadline.remaining()
        photo += chunk
        if len(photo) > LARGEST:
            raise too_large()
    deadline.remaining()
    if declared.isdecimal() and len(photo) != int(declared):
        raise Refusal(422, "the photo's server broke off")
    return bytes(photo)
