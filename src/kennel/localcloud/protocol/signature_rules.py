"""What AWS demands of a signature beside its being right: its time, its scope, and what it covers.

Sources: IAM user guide, "Elements of an AWS API request signature"; S3 API reference, "Authenticating
requests".
"""

from __future__ import annotations

import datetime
import re
import time

from botocore.auth import HmacV1QueryAuth

from kennel.localcloud.protocol.messages import AwsError, Environ
from kennel.localcloud.protocol.signature import RequestSignature, query_pairs

DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
CLOCK_SKEW = 15 * 60  # seconds, either way
LONGEST_PRESIGNED = 7 * 24 * 3600  # seconds
# What the string to sign holds anyhow, or what names the key itself.
COVERED_OTHERWISE = {"x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
# Names in a query that version 2 does not sign, and that only choose what a listing shows.
LISTING_NAMES = {
    *("prefix", "delimiter", "marker", "max-keys", "encoding-type", "key-marker", "version-id-marker"),
    *("upload-id-marker", "max-uploads", "max-parts", "part-number-marker", "x-id"),
}
VERSION_2_NAMES = {"AWSAccessKeyId", "Signature", "Expires", "x-amz-security-token"}


def check(signature: RequestSignature, environ: Environ) -> None:
    """Refuse a signature that is too old, too new, of another day's scope, or that covers too little.

    Raises
    ------
    AwsError
        With the code of the called service.
    """
    if signature.style == "query-v2":
        _check_version_2(signature, environ)
        return
    signed_at = _signed_at(signature)
    if signature.scope[:8] != signature.date[:8]:
        raise _error(
            signature,
            "AuthorizationQueryParametersError",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
        )
    if signature.style == "query":
        _check_presigned(signature, signed_at)
    elif abs(time.time() - signed_at) > CLOCK_SKEW:
        if signature.service == "s3":
            raise AwsError(
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                403,
            )
        raise _error(signature, "", f"Signature expired or not yet current: {signature.date}")
    _check_coverage(signature, environ)


def mismatch_code(service: str) -> str:
    """Return a service's error code for a signature that is not right."""
    return "SignatureDoesNotMatch" if service in ("s3", "sts", "iam") else "InvalidSignatureException"


def _error(signature: RequestSignature, s3_query_code: str, message: str) -> AwsError:
    if signature.service == "s3" and signature.style == "query":
        return AwsError(s3_query_code, message, 400)
    return AwsError(mismatch_code(signature.service), message, 403)


def _signed_at(signature: RequestSignature) -> float:
    try:
        if not DATE.fullmatch(signature.date):
            raise ValueError("it has another form")
        moment = datetime.datetime.fromisoformat(signature.date)
    except ValueError as error:
        raise _error(
            signature,
            "AuthorizationQueryParametersError",
            f"X-Amz-Date {signature.date!r} must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        ) from error
    return moment.timestamp()


def _check_presigned(signature: RequestSignature, signed_at: float) -> None:
    code = "AuthorizationQueryParametersError"
    if not 0 < signature.expires <= LONGEST_PRESIGNED:
        message = "X-Amz-Expires must be a number of seconds, more than 0 and less than a week (604800)"
        raise AwsError(code, message, 400)
    if signed_at > time.time() + CLOCK_SKEW:
        raise AwsError("AccessDenied", "Request is not yet valid", 403)
    if signed_at + signature.expires < time.time():
        raise AwsError("AccessDenied", "Request has expired", 403)


def _check_coverage(signature: RequestSignature, environ: Environ) -> None:
    signed = {name.replace("_", "-") for name in signature.signed_headers}
    unsigned = {name for name in _amazon_headers(environ) if name not in signed} - COVERED_OTHERWISE
    if "host" not in signed:
        unsigned.add("host")
    if unsigned:
        names = ", ".join(sorted(unsigned))
        raise AwsError(
            "AccessDenied" if signature.service == "s3" else mismatch_code(signature.service),
            f"There were headers present in the request which were not signed: {names}",
            403,
        )


def _variable(header: str) -> str:
    """Return the name of an Amazon header in a request's environment; of another nothing that it has."""
    return f"HTTP_{header.upper().replace('-', '_')}" if header.startswith("x-amz-") else ""


def _amazon_headers(environ: Environ) -> list[str]:
    return [name[5:].lower().replace("_", "-") for name in environ if name.startswith("HTTP_X_AMZ_")]


def _check_version_2(signature: RequestSignature, environ: Environ) -> None:
    """Refuse an expired request of version 2, and names in its query that this version leaves unsigned."""
    if signature.expires < time.time():
        raise AwsError("AccessDenied", "Request has expired", 403)
    known = {*HmacV1QueryAuth.QSAOfInterest, *LISTING_NAMES, *VERSION_2_NAMES}
    # SDKs repeat headers that the signature covers, which the request must have then.
    headers = {"content-type": "CONTENT_TYPE", "content-md5": "HTTP_CONTENT_MD5"}
    unsigned = sorted(
        {
            name
            for name, value in query_pairs(environ)
            if name not in known and environ.get(headers.get(name, _variable(name))) != value
        }
    )
    if unsigned:
        message = f"Signature Version 2 does not cover these parameters of the query: {', '.join(unsigned)}"
        raise AwsError("InvalidArgument", message, 400)
