"""Request signatures: Signature Version 4 in headers or query, and S3's older query signature."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from kennel.localcloud.protocol.messages import AwsError, Environ

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+)\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,"
    r"\s*Signature=(?P<signature>[0-9a-f]+)\s*$"
)
UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class Signature:
    """What a request says about its signer."""

    access_key: str
    region: str
    service: str
    token: str
    digest: str
    style: str
    date: str = ""
    scope: str = ""
    signed_headers: list[str] = field(default_factory=list)
    expires: int = 0


def read_signature(environ: Environ) -> Signature | None:
    """The signature that a request carries; None for an unsigned one.

    Raises
    ------
    AwsError
        There is a signature, but it cannot be read.
    """
    query = dict(_query_pairs(environ))
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header:
        match = AUTHORIZATION.match(header)
        if not match:
            raise AwsError(
                "IncompleteSignatureException",
                "The Authorization header must be AWS Signature Version 4: AWS4-HMAC-SHA256 "
                "Credential=…, SignedHeaders=…, Signature=….",
                403,
            )
        return _version_4(
            match["credential"],
            match["headers"],
            match["signature"],
            environ.get("HTTP_X_AMZ_DATE", ""),
            environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""),
            "header",
            0,
        )
    if "X-Amz-Signature" in query:
        expires = query.get("X-Amz-Expires", "")
        return _version_4(
            query.get("X-Amz-Credential", ""),
            query.get("X-Amz-SignedHeaders", ""),
            query["X-Amz-Signature"],
            query.get("X-Amz-Date", ""),
            query.get("X-Amz-Security-Token", ""),
            "query",
            int(expires) if expires.isdigit() else 0,
        )
    if "AWSAccessKeyId" in query and "Signature" in query:
        return Signature(
            query["AWSAccessKeyId"],
            "us-east-1",
            "s3",
            query.get("x-amz-security-token", ""),
            query["Signature"],
            "query-v2",
            expires=int(query["Expires"]) if query.get("Expires", "").isdigit() else 0,
        )
    return None


def _version_4(
    credential: str, headers: str, digest: str, date: str, token: str, style: str, expires: int
) -> Signature:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not date:
        raise AwsError(
            "IncompleteSignatureException",
            "A signature needs X-Amz-Date and a credential of the form key/date/region/service/aws4_request.",
            403,
        )
    key, _, region, service, _ = parts
    scope = "/".join(parts[1:])
    return Signature(
        key, region, service.lower(), token, digest, style, date, scope, headers.lower().split(";"), expires
    )


def verify(signature: Signature, secret: str, environ: Environ, body: bytes | None) -> None:
    """Check that a request was signed with a secret, and that a presigned one has not expired.

    Parameters
    ----------
    body
        The body, or None for a streamed upload, whose hash is taken from the signed header.

    Raises
    ------
    AwsError
        It was not, or it has.
    """
    if signature.style == "query-v2":
        expected = _version_2_digest(signature, secret, environ)
        expired = signature.expires < time.time()
    else:
        expected = _version_4_digest(signature, secret, environ, body)
        expired = signature.style == "query" and _signed_at(signature.date) + signature.expires < time.time()
    if expired:
        raise AwsError("AccessDenied", "Request has expired", 403)
    if not hmac.compare_digest(expected.encode(), signature.digest.encode()):
        code = (
            "SignatureDoesNotMatch"
            if signature.service in ("s3", "sts", "iam")
            else "InvalidSignatureException"
        )
        raise AwsError(
            code,
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
            403,
        )


def _signed_at(date: str) -> float:
    try:
        moment = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
    except ValueError as error:
        raise AwsError(
            "AuthorizationQueryParametersError", f"X-Amz-Date {date!r} is not a date.", 400
        ) from error
    return moment.replace(tzinfo=datetime.UTC).timestamp()


def _version_4_digest(signature: Signature, secret: str, environ: Environ, body: bytes | None) -> str:
    canonical = "\n".join(
        [
            environ["REQUEST_METHOD"],
            _canonical_path(signature.service, environ),
            _canonical_query(environ),
            *(f"{name}:{' '.join(_header(environ, name).split())}" for name in signature.signed_headers),
            "",
            ";".join(signature.signed_headers),
            _payload_hash(signature, environ, body),
        ]
    )
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", signature.date, signature.scope, hashed])
    key = ("AWS4" + secret).encode()
    for part in signature.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _payload_hash(signature: Signature, environ: Environ, body: bytes | None) -> str:
    declared: str = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    if signature.style == "query":
        return declared or UNSIGNED
    if declared and (signature.service == "s3" or body is None):
        return declared
    return hashlib.sha256(body or b"").hexdigest()


def raw_path(environ: Environ) -> str:
    """The path as it was sent, percent signs and all."""
    raw: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or quote(environ.get("PATH_INFO", "/"))
    path = urlsplit(raw).path if "://" in raw else raw.split("?", 1)[0]
    return path or "/"


def _canonical_path(service: str, environ: Environ) -> str:
    path = raw_path(environ)
    if service == "s3":  # S3 alone signs the path encoded once, and does not normalise it
        return quote(unquote(path), safe="/-_.~")
    return quote(path, safe="/-_.~")


def _query_pairs(environ: Environ) -> list[tuple[str, str]]:
    pairs = []
    for item in environ.get("QUERY_STRING", "").split("&"):
        if item:
            name, _, value = item.partition("=")
            pairs.append((unquote(name), unquote(value)))
    return pairs


def _canonical_query(environ: Environ) -> str:
    encoded = (
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in _query_pairs(environ)
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _header(environ: Environ, name: str) -> str:
    key = name.upper().replace("-", "_")
    value: str = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")
    return value


def _version_2_digest(signature: Signature, secret: str, environ: Environ) -> str:
    from botocore.auth import HmacV1QueryAuth
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    auth: Any = HmacV1QueryAuth(Credentials(signature.access_key, secret))
    headers = HTTPHeaders()
    for name in ("content-md5", "content-type"):
        if _header(environ, name):
            headers[name] = _header(environ, name)
    if signature.token:
        headers["x-amz-security-token"] = signature.token
    kept = "&".join(
        f"{quote(name)}={quote(value)}" if value else quote(name)
        for name, value in _query_pairs(environ)
        if name not in ("AWSAccessKeyId", "Signature", "Expires", "x-amz-security-token")
    )
    url = urlsplit(f"http://localhost{raw_path(environ)}" + (f"?{kept}" if kept else ""))
    digest: str = auth.get_signature(environ["REQUEST_METHOD"], url, headers, expires=str(signature.expires))
    return digest
