"""AWS Signature Version 4, with the credentials that Lambda puts into the environment.

botocore's signer would do, but importing it costs more time and memory than all else in this function
(docs/performance.md). Tests compare the signatures with botocore's.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from typing import NamedTuple
from urllib.parse import quote


class Credentials(NamedTuple):
    """Whose rights a request has; the token is empty for keys of a user."""

    key_id: str
    secret: str
    token: str


class Scope(NamedTuple):
    """What a signature is for: the region, and the service by its name for signing."""

    region: str
    service: str


def credentials() -> Credentials:
    """Return the credentials of the function's role.

    Raises
    ------
    KeyError
        The environment has none.
    """
    variables = os.environ
    return Credentials(
        variables["AWS_ACCESS_KEY_ID"],
        variables["AWS_SECRET_ACCESS_KEY"],
        variables.get("AWS_SESSION_TOKEN", ""),
    )


def signed(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    scope: Scope,
    signer: Credentials,
    at: float | None = None,
) -> dict[str, str]:
    """Return the headers with those that sign the request. Every header that is given is signed.

    Parameters
    ----------
    path
        The path as it is sent, percent-encoded, without a query.
    headers
        The request's headers, ``Host`` among them.
    at
        Seconds since the epoch; None for now.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    digest = hashlib.sha256(body).hexdigest()
    headers = {**headers, "X-Amz-Date": stamp}
    if signer.token:
        headers["X-Amz-Security-Token"] = signer.token
    if scope.service == "s3":
        headers["X-Amz-Content-SHA256"] = digest
    else:
        path = quote(path, safe="/~")  # S3 alone signs the path as it is sent, the others encode it again
    lower = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    names = ";".join(name for name, _ in lower)
    lines = "".join(f"{name}:{value}\n" for name, value in lower)
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    area = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{area}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{signer.secret}".encode()
    for part in area.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    value = hmac.digest(key, text.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.key_id}/{area}, SignedHeaders={names}, Signature={value}"
    )
    return headers
