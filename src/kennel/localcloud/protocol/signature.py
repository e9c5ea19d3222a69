"""The signature that a request carries: in the Authorization header, or in the query of a presigned URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from kennel.localcloud.protocol.messages import AwsError, Environ

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+)\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,"
    r"\s*Signature=(?P<signature>[0-9a-f]+)\s*$"
)


@dataclass(frozen=True)
class RequestSignature:
    """The signature of a request, and what it says about its signer.

    Attributes
    ----------
    service
        The signing name, in lower case, e.g. ``monitoring`` for CloudWatch.
    token
        The session token; empty for long-term keys.
    digest
        The signature itself.
    style
        ``header``, ``query``, or ``query-v2`` (S3's older presigned URLs).
    date
        ``X-Amz-Date``, e.g. ``20260101T000000Z``.
    scope
        The credential's date, region and service, as they were sent, and ``aws4_request``.
    expires
        A presigned request's life in seconds; in ``query-v2``, when it ends, in seconds since 1970.
    """

    access_key: str
    region: str
    service: str
    token: str
    digest: str
    style: str
    date: str = ""
    scope: str = ""
    signed_headers: tuple[str, ...] = ()
    expires: int = 0


def read_signature(environ: Environ) -> RequestSignature | None:
    """Return the signature that a request carries; None for an unsigned request.

    Raises
    ------
    AwsError
        There is a signature, but it cannot be read.
    """
    query = dict(query_pairs(environ))
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header and ("X-Amz-Signature" in query or "AWSAccessKeyId" in query):
        raise AwsError("InvalidArgument", "Only one auth mechanism allowed: the header or the query.")
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
        if query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
            message = 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'
            raise AwsError("AuthorizationQueryParametersError", message)
        return _version_4(
            query.get("X-Amz-Credential", ""),
            query.get("X-Amz-SignedHeaders", ""),
            query["X-Amz-Signature"],
            query.get("X-Amz-Date", ""),
            query.get("X-Amz-Security-Token", ""),
            "query",
            _seconds(query.get("X-Amz-Expires", "")),
        )
    if "AWSAccessKeyId" in query and "Signature" in query:
        return RequestSignature(
            query["AWSAccessKeyId"],
            "us-east-1",
            "s3",
            query.get("x-amz-security-token", ""),
            query["Signature"],
            "query-v2",
            expires=_seconds(query.get("Expires", "")),
        )
    return None


def _version_4(
    credential: str, headers: str, digest: str, date: str, token: str, style: str, expires: int
) -> RequestSignature:
    access_key, *scope = credential.split("/")
    if len(scope) != 4 or scope[3] != "aws4_request" or not date:
        raise AwsError(
            "IncompleteSignatureException",
            "A signature needs X-Amz-Date and a credential of the form key/date/region/service/aws4_request.",
            403,
        )
    _, region, service, _ = scope
    signed_headers = tuple(headers.lower().split(";"))
    return RequestSignature(
        access_key,
        region,
        service.lower(),
        token,
        digest,
        style,
        date,
        "/".join(scope),
        signed_headers,
        expires,
    )


def _seconds(text: str) -> int:
    return int(text) if text.isdigit() else 0


def query_pairs(environ: Environ, *, plus: bool = False) -> list[tuple[str, str]]:
    """Return the names and values of a request's query, in their order, without %-escapes.

    Parameters
    ----------
    plus
        Whether a ``+`` is a space, as in a form.
    """
    decode = unquote_plus if plus else unquote
    pairs = []
    for item in environ.get("QUERY_STRING", "").split("&"):
        if item:
            name, _, value = item.partition("=")
            pairs.append((decode(name), decode(value)))
    return pairs
