"""Downloads from a local TLS server whose certificate authority is made for the tests."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = ipaddress.ip_address("127.0.0.1")
NAME = "photos.example"
Behaviour = Callable[[http.server.BaseHTTPRequestHandler], None]


class Server:
    """An HTTPS server for photos.example on this machine."""

    def __init__(self, folder: Path) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[tuple[str, str]] = []
        self.names: list[str | None] = []
        self.stop_trickling = threading.Event()
        authority, certificate = _certificate(folder)
        self.trust = ssl.create_default_context(cafile=str(authority))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
        served = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.requests.append((self.headers["Host"], self.path))
                served.behaviours[self.path](self)

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.port: int = self.http.server_port
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.stop_trickling.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Write an authority's certificate, and a key with the certificate that it signed for the server."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)

    def build(
        name: str, issuer: str, key: Any, signer: Any, *extensions: tuple[Any, bool]
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            # Without these, which RFC 5280 asks for, Python 3.13 refuses a certificate.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    signs = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    constraints = (x509.BasicConstraints(True, 0), True)
    root = build("test CA", "test CA", root_key, root_key, constraints, (signs, True))
    leaf = build(NAME, "test CA", key, root_key, (x509.SubjectAlternativeName([x509.DNSName(NAME)]), False))
    pem = serialization.Encoding.PEM
    authority, certificate = folder / "ca.pem", folder / "server.pem"
    authority.write_bytes(root.public_bytes(pem))
    certificate.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.public_bytes(pem)
    )
    return authority, certificate


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh server."""
    running = Server(tmp_path)
    yield running
    running.close()


def reply(body: bytes, status: int = 200, length: int | None = None, **headers: str) -> Behaviour:
    """Answer with a body; `length` may differ from its size."""

    def behave(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


@pytest.fixture
def get(modules: Any, server: Server) -> Callable[..., bytes]:
    """Fetch from the server, to which every name resolves."""

    def fetch(url: str, seconds: float = 10, **parts: Any) -> bytes:
        parts = {
            "resolver": lambda host, port: [HERE],
            "context": server.trust,
            "port": server.port,
            "allowed": lambda address: True,
            **parts,
        }
        return bytes(modules["download"].fetch_photo(url, seconds, **parts))

    return fetch


def test_a_photo_is_fetched_from_the_pinned_address_under_its_name(server: Server, get: Any) -> None:
    server.behaviours["/a%20b.jpg?size=1"] = reply(b"photo")
    assert get(f"https://{NAME}/a%20b.jpg?size=1#part") == b"photo"
    assert server.names == [NAME]
    assert server.requests == [(f"{NAME}:{server.port}", "/a%20b.jpg?size=1")]


def test_a_server_that_cannot_prove_the_name_is_refused(
    server: Server, get: Any, prediction_error: Any
) -> None:
    with pytest.raises(prediction_error) as caught:
        get("https://other.example/a.jpg")
    assert caught.value.status == 422
    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.cause
    assert server.requests == []


def test_a_server_with_an_unknown_authority_is_refused(get: Any, prediction_error: Any) -> None:
    with pytest.raises(prediction_error) as caught:
        get(f"https://{NAME}/a.jpg", context=None)
    assert caught.value.status == 422


def test_a_name_is_resolved_once_and_never_by_the_connection(
    server: Server, get: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.behaviours["/a.jpg"] = reply(b"photo")
    resolved: list[str] = []
    real = socket.getaddrinfo

    def literal_only(host: str, *rest: Any, **more: Any) -> Any:
        ipaddress.ip_address(host)  # a name here would be a second, unchecked look-up
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", literal_only)

    def resolver(host: str, port: int) -> list[Any]:
        resolved.append(host)
        return [HERE]

    assert get(f"https://{NAME}/a.jpg", resolver=resolver) == b"photo"
    assert resolved == [NAME]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:169.254.169.254"], []],
)
def test_a_name_with_any_address_inside_is_refused(
    modules: Any, server: Server, get: Any, prediction_error: Any, addresses: list[str]
) -> None:
    resolved = [ipaddress.ip_address(address) for address in addresses]
    with pytest.raises(prediction_error) as caught:
        get(
            f"https://{NAME}/a.jpg",
            resolver=lambda host, port: resolved,
            allowed=modules["address"].is_public,
        )
    assert (caught.value.status, caught.value.message) == (400, "the url's host has no public address")
    assert server.requests == []


def test_the_next_address_is_tried_when_one_does_not_answer(server: Server, get: Any) -> None:
    server.behaviours["/a.jpg"] = reply(b"photo")
    unused = ipaddress.ip_address("127.0.0.2")  # the server listens on 127.0.0.1 alone
    assert get(f"https://{NAME}/a.jpg", resolver=lambda host, port: [unused, HERE]) == b"photo"


def test_three_redirects_are_followed(server: Server, get: Any) -> None:
    for step in range(3):
        server.behaviours[f"/{step}"] = reply(b"", 302, Location=f"/{step + 1}")
    server.behaviours["/3"] = reply(b"photo")
    assert get(f"https://{NAME}/0") == b"photo"


def test_a_fourth_redirect_is_refused(server: Server, get: Any, prediction_error: Any) -> None:
    server.behaviours["/loop"] = reply(b"", 307, Location="/loop")
    with pytest.raises(prediction_error, match="more than 3 times"):
        get(f"https://{NAME}/loop")
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://photos.example/a.jpg", "must begin with https"),
        ("file:///etc/passwd", "must begin with https"),
        ("https://inside.example/a.jpg", "no public address"),
        ("https://user:word@photos.example/", "must not carry"),
        ("https://photos.example:8443/", "own port"),
        ("https://[::1", "not a URL"),
    ],
)
def test_a_redirect_is_checked_like_the_first_url(
    server: Server, get: Any, prediction_error: Any, location: str, message: str
) -> None:
    server.behaviours["/a.jpg"] = reply(b"", 302, Location=location)
    inside = ipaddress.ip_address("10.0.0.1")
    with pytest.raises(prediction_error, match=message):
        get(
            f"https://{NAME}/a.jpg",
            resolver=lambda host, port: [inside if host.startswith("inside") else HERE],
            allowed=lambda address: address != inside,
        )


@pytest.mark.parametrize(
    "url",
    [
        "http://photos.example/a.jpg",
        "ftp://photos.example/a.jpg",
        "file:///etc/passwd",
        "photos.example/a.jpg",
        "https:///a.jpg",
        "https://",
        "https://user@photos.example/",
        "https://photos.example:22/",
        "https://photos.example:99999/",
        "https://photos.example/a b",
        "https://photos.example/a\r\nHost: inside",
        "https://photos.example\\@inside/",
        "https://[fe80::1%25eth0]/",
        "https://" + "a" * 3000,
        "https://" + "a" * 64 + ".example/",
        "",
    ],
)
def test_a_url_that_is_not_to_be_fetched_is_the_callers_mistake(
    server: Server, get: Any, prediction_error: Any, url: str
) -> None:
    with pytest.raises(prediction_error) as caught:
        get(url)
    assert caught.value.status == 400
    assert server.names == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::1]"])
def test_other_spellings_of_this_machine_are_refused(modules: Any, prediction_error: Any, host: str) -> None:
    with pytest.raises(prediction_error) as caught:
        modules["download"].fetch_photo(f"https://{host}/", 5)
    assert caught.value.status in (400, 422)
    assert "could not be reached" not in caught.value.message


def test_a_name_that_does_not_resolve_is_refused(get: Any, prediction_error: Any) -> None:
    def fails(host: str, port: int) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(prediction_error, match="does not exist"):
        get(f"https://{NAME}/", resolver=fails)


def test_a_declared_size_over_the_limit_is_refused_at_once(
    modules: Any, server: Server, get: Any, prediction_error: Any
) -> None:
    server.behaviours["/a.jpg"] = reply(b"x", length=modules["photo_format"].MAXIMUM_BYTES + 1)
    with pytest.raises(prediction_error) as caught:
        get(f"https://{NAME}/a.jpg")
    assert caught.value.status == 413


def test_an_undeclared_size_is_cut_at_the_limit(
    modules: Any, server: Server, get: Any, prediction_error: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules["download"], "MAXIMUM_BYTES", 200_000)
    sent = 0

    def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        for _ in range(10_000):
            try:
                handler.wfile.write(b"x" * 10_000)
            except OSError:
                return
            sent += 10_000

    server.behaviours["/a.jpg"] = endless
    with pytest.raises(prediction_error) as caught:
        get(f"https://{NAME}/a.jpg")
    assert caught.value.status == 413
    assert sent < 100_000_000


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_slow_server_is_cut_off_at_the_deadline(
    server: Server, get: Any, prediction_error: Any, part: str
) -> None:
    def trickle(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nX-Slow: " if part == "header" else b"HTTP/1.1 200 OK\r\n\r\n"
        )
        while not server.stop_trickling.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    server.behaviours["/a.jpg"] = trickle
    started = time.monotonic()
    with pytest.raises(prediction_error) as caught:
        get(f"https://{NAME}/a.jpg", seconds=0.5)
    assert caught.value.status == 504
    assert time.monotonic() - started < 5


def test_a_silent_server_is_cut_off_at_the_deadline(get: Any, prediction_error: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(prediction_error) as caught:
        get(f"https://{NAME}/a.jpg", seconds=0.3, port=silent.getsockname()[1])
    assert caught.value.status == 504


def test_a_slow_resolver_is_not_waited_for(get: Any, prediction_error: Any) -> None:
    resolved = threading.Event()
    with pytest.raises(prediction_error) as caught:
        get(f"https://{NAME}/", seconds=0.2, resolver=lambda host, port: resolved.wait(30) and [HERE])
    resolved.set()
    assert caught.value.status == 504


def test_no_time_left_is_a_time_out(get: Any, prediction_error: Any) -> None:
    with pytest.raises(prediction_error) as caught:
        get(f"https://{NAME}/", seconds=-1)
    assert caught.value.status == 504


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (reply(b"", 404), "answered 404"),
        (reply(b"", 302), "answered 302"),
        (reply(b"x", Content_Encoding="gzip"), "compresses"),
        (reply(b"half", length=100), "sent less than it declared"),
        (lambda handler: handler.wfile.write(b"this is not HTTP\r\n\r\n"), "could not be reached"),
    ],
)
def test_a_server_that_does_not_deliver_is_named_as_the_reason(
    server: Server, get: Any, prediction_error: Any, behaviour: Behaviour, message: str
) -> None:
    server.behaviours["/a.jpg"] = behaviour
    with pytest.raises(prediction_error, match=message) as caught:
        get(f"https://{NAME}/a.jpg")
    assert caught.value.status == 422
