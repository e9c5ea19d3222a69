"""Requests as they are on the wire: signed by hand over anything, also over what no SDK would send."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.client
from dataclasses import dataclass
from urllib.parse import quote, unquote

EMPTY = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class Keys:
    """An access key with its secret, and a session's token."""

    access: str
    secret: str
    token: str = ""

    @classmethod
    def of(cls, credentials: dict[str, str]) -> Keys:
        return cls(
            credentials["aws_access_key_id"],
            credentials["aws_secret_access_key"],
            credentials.get("aws_session_token", ""),
        )


def send(
    port: int, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None
) -> tuple[int, bytes]:
    """Send exactly these headers; a body without a Content-Length header gets one, None sends none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    names = {name.lower() for name, _ in headers}
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()


def stamp(seconds: float = 0) -> str:
    """Return X-Amz-Date, so many seconds from now."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _pairs(query: str) -> list[tuple[str, str]]:
    parts = [item.partition("=") for item in query.split("&") if item]
    return [(unquote(name), unquote(value)) for name, _, value in parts]


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def key_of(secret: str, scope: str) -> bytes:
    """Return the signing key of a scope: ``date/region/service/aws4_request``."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def digest(
    secret: str, scope: str, date: str, method: str, target: str, headers: dict[str, str], payload: str
) -> str:
    """Return a Signature Version 4 over exactly these headers (names in lower case)."""
    path, _, query = target.partition("?")
    canonical_path = (
        quote(unquote(path), safe="/-_.~") if scope.split("/")[2] == "s3" else quote(path, safe="/-_.~")
    )
    canonical = "\n".join(
        [
            method,
            canonical_path,
            "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, value in _pairs(query))),
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            ";".join(sorted(headers)),
            payload,
        ]
    )
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.digest(key_of(secret, scope), text.encode(), "sha256").hex()


def by_header(
    keys: Keys,
    service: str,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    *,
    date: str = "",
    scope: str = "",
    payload: str | None = None,
    leave_out: tuple[str, ...] = (),
) -> dict[str, str]:
    """Return the headers of a request that is signed in its Authorization header.

    Parameters
    ----------
    headers
        The request's, with Host.
    payload
        What stands for the body in the signature; by default its hash.
    leave_out
        Headers, in lower case, that are sent without being signed.
    """
    date = date or stamp()
    scope = scope or f"{date[:8]}/us-east-1/{service}/aws4_request"
    payload = hashlib.sha256(body).hexdigest() if payload is None else payload
    every = {"x-amz-date": date, **{name.lower(): value for name, value in headers.items()}}
    if service == "s3":
        every["x-amz-content-sha256"] = payload
    if keys.token:
        every["x-amz-security-token"] = keys.token
    covered = {name: value for name, value in every.items() if name not in leave_out}
    signature = digest(keys.secret, scope, date, method, target, covered, payload)
    every["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, "
        f"SignedHeaders={';'.join(sorted(covered))}, Signature={signature}"
    )
    return every


def by_query(
    keys: Keys,
    service: str,
    method: str,
    target: str,
    headers: dict[str, str],
    *,
    date: str = "",
    scope: str = "",
    expires: str = "300",
    payload: str = "",
    signed: tuple[str, ...] = ("host",),
) -> str:
    """Return the target of a presigned request.

    Parameters
    ----------
    signed
        The headers, in lower case, that the signature covers.
    """
    date = date or stamp()
    scope = scope or f"{date[:8]}/us-east-1/{service}/aws4_request"
    more = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{keys.access}/{scope}"),
        ("X-Amz-Date", date),
        ("X-Amz-Expires", expires),
        ("X-Amz-SignedHeaders", ";".join(signed)),
    ]
    if keys.token:
        more.append(("X-Amz-Security-Token", keys.token))
    joined = "&".join(f"{name}={_encoded(value)}" for name, value in more)
    target = f"{target}{'&' if '?' in target else '?'}{joined}"
    lower = {name.lower(): value for name, value in headers.items()}
    covered = {name: lower[name] for name in signed}
    payload = payload or (UNSIGNED if service == "s3" else EMPTY)
    return f"{target}&X-Amz-Signature={digest(keys.secret, scope, date, method, target, covered, payload)}"


def chunks(
    keys: Keys, scope: str, date: str, seed: str, parts: list[bytes], trailer: dict[str, str] | None = None
) -> bytes:
    """Return a body in signed chunks, whose chain begins with the signature of the headers.

    Source: S3 API reference, "Signature calculations for the authorization header: transferring a payload
    in multiple chunks".
    """
    key, previous, body = key_of(keys.secret, scope), seed, b""
    for part in [*parts, b""]:
        text = "\n".join(
            ["AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, EMPTY, hashlib.sha256(part).hexdigest()]
        )
        previous = hmac.digest(key, text.encode(), "sha256").hex()
        body += f"{len(part):x};chunk-signature={previous}\r\n".encode() + part
        body += b"\r\n" if part or trailer is None else b""
    if trailer is not None:
        lines = "".join(f"{name}:{value}\n" for name, value in trailer.items())
        text = "\n".join(
            ["AWS4-HMAC-SHA256-TRAILER", date, scope, previous, hashlib.sha256(lines.encode()).hexdigest()]
        )
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        body += "".join(f"{name}:{value}\r\n" for name, value in trailer.items()).encode()
        body += f"x-amz-trailer-signature:{signature}\r\n\r\n".encode()
    return body
