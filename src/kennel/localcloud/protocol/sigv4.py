"""Verification of signatures: Signature Version 4 in headers or query, and S3's older query signature.

botocore computes them: a request is verified by signing it again with the secret that it must have been
signed with.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from botocore.auth import UNSIGNED_PAYLOAD, HmacV1QueryAuth, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from kennel.localcloud.protocol.messages import AwsError, Environ
from kennel.localcloud.protocol.signature import RequestSignature, query_pairs
from kennel.localcloud.protocol.signature_rules import mismatch_code

# The host does not count: where the Host header is signed, it is among the signed headers.
ORIGIN = "http://localhost"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


def verify(signature: RequestSignature, secret: str, environ: Environ, body: bytes | None) -> None:
    """Check that a request was signed with a secret.

    `signature_rules.check` checks when it was signed, and whether the signature covers enough.

    Parameters
    ----------
    body
        The body, or None for a streamed upload, whose hash is taken from the signed header.

    Raises
    ------
    AwsError
        The signature is another secret's or another request's.
    """
    if signature.style == "query-v2":
        expected = _version_2_digest(signature, secret, environ)
    else:
        expected = _version_4_digest(signature, secret, environ, body)
    if not hmac.compare_digest(expected.encode(), signature.digest.encode()):
        raise AwsError(
            mismatch_code(signature.service),
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
            403,
        )


class _SignedHeaders(dict[str, str]):
    """The headers that a signature names, as botocore's signers read them."""

    def get_all(self, name: str) -> list[str]:
        return [self[name]]


def _version_4_digest(signature: RequestSignature, secret: str, environ: Environ, body: bytes | None) -> str:
    request = AWSRequest(environ["REQUEST_METHOD"], ORIGIN + _path(signature.service, environ))
    # Pairs, not the query string as it was sent: SDKs may send it in another order and encoding than signed.
    request.params = [pair for pair in query_pairs(environ) if pair[0] != "X-Amz-Signature"]
    request.headers = {"X-Amz-Content-SHA256": _payload_hash(signature, environ, body)}
    request.context = {"timestamp": signature.date}
    headers = _SignedHeaders((name, _header(environ, name)) for name in signature.signed_headers)
    signer = _signer(signature, secret, headers)
    digest: str = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return digest


def _signer(signature: RequestSignature, secret: str, headers: _SignedHeaders) -> Any:
    """Return botocore's signer, which signs given headers.

    S3 signs the path as it was sent; other services sign it normalised, and encoded once more.
    """
    _, region, service, _ = signature.scope.split("/")
    kind = S3SigV4Auth if signature.service == "s3" else SigV4Auth
    signer: Any = kind(Credentials(signature.access_key, secret), service, region)
    # botocore chooses the headers to sign by itself and leaves out some (User-Agent) that other SDKs sign.
    signer.headers_to_sign = lambda request: headers
    # botocore's scope is of the day of X-Amz-Date; a credential of another day must not verify.
    signer.credential_scope = lambda request: signature.scope
    # The key of a day, region and service is derived by four HMACs: computed once, not at every request.
    signer._sign = _sign
    return signer


def _sign(key: bytes, text: str, hex: bool = False) -> str | bytes:
    return _hmac(key, text).hex() if hex else _derived_key(key, text)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


_derived_key = lru_cache(maxsize=1024)(_hmac)


def signing_key(secret: str, scope: str) -> bytes:
    """Return the key that signs within a scope: ``date/region/service/aws4_request``."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _derived_key(key, part)
    return key


def _payload_hash(signature: RequestSignature, environ: Environ, body: bytes | None) -> str:
    """Return the payload's hash in the canonical request.

    S3's is the declared one: a hash, ``UNSIGNED-PAYLOAD`` or ``STREAMING-…``; `payload.verified` compares it
    with the content. botocore's own method would prepare the whole request again to hash a body.
    """
    declared: str = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    if signature.service == "s3":
        return declared or (UNSIGNED_PAYLOAD if signature.style == "query" else EMPTY_HASH)
    return hashlib.sha256(body or b"").hexdigest()


def _raw_path(environ: Environ) -> str:
    """Return the path as it was sent, with its %-escapes."""
    raw: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or quote(environ.get("PATH_INFO", "/"))
    path = urlsplit(raw).path if "://" in raw else raw.split("?", 1)[0]
    return path or "/"


def _path(service: str, environ: Environ) -> str:
    """Return the path for botocore to sign.

    S3's is encoded anew, for SDKs that send more or fewer characters as %-escapes than they sign. Others'
    is kept; a # in it, which no client sends, would make the rest a fragment and leave it unsigned.
    """
    path = _raw_path(environ)
    return quote(unquote(path), safe="/~") if service == "s3" else path.replace("#", "%23")


def _header(environ: Environ, name: str) -> str:
    key = name.upper().replace("-", "_")
    value: str = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")
    return value


def _version_2_digest(signature: RequestSignature, secret: str, environ: Environ) -> str:
    auth: Any = HmacV1QueryAuth(Credentials(signature.access_key, secret))
    headers = HTTPHeaders()
    amazon = [name[5:].lower().replace("_", "-") for name in environ if name.startswith("HTTP_X_AMZ_")]
    for name in ("content-md5", "content-type", *amazon):
        if _header(environ, name):
            headers[name] = _header(environ, name)
    if signature.token:
        headers["x-amz-security-token"] = signature.token
    signed_query = "&".join(
        f"{quote(name)}={quote(value)}" if value else quote(name)
        for name, value in query_pairs(environ)
        if name not in ("AWSAccessKeyId", "Signature", "Expires", "x-amz-security-token")
    )
    url = urlsplit(ORIGIN + _raw_path(environ) + (f"?{signed_query}" if signed_query else ""))
    lines = auth.canonical_string(environ["REQUEST_METHOD"], url, headers).split("\n")
    lines[3] = str(signature.expires)  # botocore puts the end of an address there that is made now
    digest: str = auth.sign_string("\n".join(lines))
    return digest
