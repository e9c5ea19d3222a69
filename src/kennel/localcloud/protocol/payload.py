"""The payload of an S3 request: its hash, its chunks, their signatures, its trailers and its checksums.

Sources: S3 API reference, "Signature calculations for the Authorization header"; S3 user guide, "Checking
object integrity".
"""

from __future__ import annotations

import hashlib
import hmac
import re

from kennel.localcloud.protocol import checksums
from kennel.localcloud.protocol.messages import AwsError, Environ
from kennel.localcloud.protocol.signature import RequestSignature
from kennel.localcloud.protocol.sigv4 import EMPTY_HASH, signing_key

HEX = re.compile(r"[0-9a-f]{64}")
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = f"{SIGNED_CHUNKS}-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
UNSIGNED = "UNSIGNED-PAYLOAD"
# Operations whose checksum is that of an object, not of their own body.
OF_THE_OBJECT = {"CompleteMultipartUpload", "CopyObject", "UploadPartCopy", "CreateMultipartUpload"}
LINE = 1024  # bytes at most, of a chunk's size with its signature, or of a trailer


def verified(
    environ: Environ, body: bytes, operation: str, signature: RequestSignature | None, secret: str
) -> tuple[bytes, Environ]:
    """Check the payload of an S3 request, and return what it carries.

    Parameters
    ----------
    environ
        The request as it came; `check_declared` has accepted its ``x-amz-content-sha256``.
    signature, secret
        None and empty for an anonymous request, whose chunks nobody signed.

    Returns
    -------
    The content without the framing of chunks, and what changes in the environment for moto, which reads only
    content without framing: None stands for a header to leave out.

    Raises
    ------
    AwsError
        A hash, signature, length or checksum is not that of the content, or the chunks are malformed.
    """
    declared = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    changes: Environ = {}
    if declared in (SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED_TRAILER):
        chain = None
        if signature and signature.style == "header" and declared != UNSIGNED_TRAILER:
            chain = _Chain(signature, secret)
        chunks = _Chunks(body, chain)
        content = chunks.content()
        trailer = chunks.trailer() if declared != SIGNED_CHUNKS else {}
        _check_length(environ, content)
        changes = _without_framing(environ, trailer)
    else:
        content = body
        if HEX.fullmatch(declared) and hashlib.sha256(body).hexdigest() != declared:
            raise AwsError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        if "aws-chunked" in environ.get("HTTP_CONTENT_ENCODING", ""):
            changes = {"HTTP_CONTENT_ENCODING": _other_encodings(environ)}
    _check_md5(environ.get("HTTP_CONTENT_MD5"), content)
    complete = {**environ, **changes} if changes else environ
    checksums.check_algorithms(complete)
    if operation not in OF_THE_OBJECT:
        algorithm = checksums.check_content(complete, content)
        if algorithm:  # moto reads the value that this header names, which S3 does not need
            changes[checksums.SDK_ALGORITHM] = algorithm
    return content, changes


def check_declared(signature: RequestSignature, environ: Environ) -> None:
    """Refuse a signed S3 request whose ``x-amz-content-sha256`` is none of the forms that there are.

    Raises
    ------
    AwsError
        ``InvalidArgument``.
    """
    declared = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    known = declared in (SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED_TRAILER, UNSIGNED) or HEX.fullmatch(declared)
    if not known and (declared or signature.style == "header"):
        raise AwsError(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid "
            "sha256 value.",
        )


class _Chain:
    """The signatures of a payload's chunks, each of which goes into the next."""

    def __init__(self, signature: RequestSignature, secret: str) -> None:
        self._previous, self._date, self._scope = signature.digest, signature.date, signature.scope
        self._key = signing_key(secret, signature.scope)

    def check(self, kind: str, hashes: list[str], digest: str) -> None:
        text = "\n".join([f"AWS4-HMAC-SHA256-{kind}", self._date, self._scope, self._previous, *hashes])
        self._previous = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(self._previous.encode(), digest.encode()):
            raise AwsError(
                "SignatureDoesNotMatch",
                "The chunk signature we calculated does not match the signature you provided.",
                403,
            )


class _Chunks:
    """A body in chunks: ``size[;chunk-signature=…]``, the bytes, and at the end trailing headers."""

    def __init__(self, body: bytes, chain: _Chain | None) -> None:
        self._body, self._position, self._chain = body, 0, chain

    def content(self) -> bytes:
        parts: list[bytes] = []
        while True:
            size, _, extension = self._line().partition(";")
            if not re.fullmatch(r"[0-9A-Fa-f]{1,16}", size):
                raise _incomplete(f"{size[:20]!r} is not the size of a chunk")
            length = int(size, 16)
            part = self._body[self._position : self._position + length]
            if len(part) < length:
                raise _incomplete("the body ends within a chunk")
            self._position += length
            if self._chain:
                hashes = [EMPTY_HASH, hashlib.sha256(part).hexdigest()]
                self._chain.check("PAYLOAD", hashes, extension.removeprefix("chunk-signature="))
            if not length:
                return parts[0] if len(parts) == 1 else b"".join(parts)
            parts.append(part)
            if self._line():
                raise _incomplete("a chunk is longer than its size")

    def trailer(self) -> dict[str, str]:
        """Return the trailing headers, whose names are in lower case."""
        found: dict[str, str] = {}
        digest = ""
        while self._position < len(self._body):
            line = self._line()
            name, colon, value = line.partition(":")
            if not line:
                break
            if not colon:
                raise AwsError(
                    "MalformedTrailerError", "The request contained trailing data that was not well-formed."
                )
            if name.lower() == "x-amz-trailer-signature":
                digest = value.strip()
            else:
                found[name.lower()] = value.strip()
        if self._chain:
            text = "".join(f"{name}:{value}\n" for name, value in found.items())
            self._chain.check("TRAILER", [hashlib.sha256(text.encode()).hexdigest()], digest)
        return found

    def _line(self) -> str:
        end = self._body.find(b"\r\n", self._position, self._position + LINE)
        if end < 0:
            raise _incomplete("a line of its chunks does not end")
        line = self._body[self._position : end]
        self._position = end + 2
        return line.decode("latin-1")


def _incomplete(reason: str) -> AwsError:
    return AwsError("IncompleteBody", f"The request body terminated unexpectedly: {reason}.")


def _check_length(environ: Environ, content: bytes) -> None:
    text = environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH", "")
    if not text.isdecimal():
        raise AwsError(
            "MissingContentLength", "You must provide the x-amz-decoded-content-length header.", 411
        )
    if int(text) != len(content):
        raise _incomplete(f"it has {len(content)} of the {text} bytes announced")


def _without_framing(environ: Environ, trailer: dict[str, str]) -> Environ:
    announced = [
        name.strip().lower() for name in environ.get("HTTP_X_AMZ_TRAILER", "").split(",") if name.strip()
    ]
    if sorted(announced) != sorted(trailer):
        raise AwsError(
            "MalformedTrailerError", "The request contained trailing data that was not well-formed."
        )
    changes: Environ = {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in trailer.items()
        if name.startswith(checksums.CHECKSUM)
    }
    return {
        **changes,
        "HTTP_X_AMZ_CONTENT_SHA256": UNSIGNED,
        "HTTP_CONTENT_ENCODING": _other_encodings(environ),
    }


def _other_encodings(environ: Environ) -> str | None:
    """Return the encodings of the content without that of the request's chunks; None without others."""
    encodings = [name.strip() for name in environ.get("HTTP_CONTENT_ENCODING", "").split(",")]
    return ",".join(name for name in encodings if name and name != "aws-chunked") or None


def _check_md5(header: str | None, content: bytes) -> None:
    if header is None:
        return
    digest = checksums.decoded(header)
    if digest is None or len(digest) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if hashlib.md5(content, usedforsecurity=False).digest() != digest:
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
