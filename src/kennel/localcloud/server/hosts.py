"""The host names that the local cloud answers for, and what of S3 they name."""

from __future__ import annotations

import re

from kennel.localcloud.protocol.messages import Environ

# A page in a browser can make any name resolve to 127.0.0.1 (DNS rebinding): only these names are served.
# S3 Control puts an account's number before the host: no DNS and no browser takes that for a name, a client
# sends it to its proxy.
OWN_HOST = re.compile(
    r"(?:[a-z0-9][a-z0-9.-]*\.)?(?:localhost|amazonaws\.com(?:\.cn)?|api\.aws)"
    r"|(?:[0-9]{12}\.)?127\.0\.0\.1|\[::1\]",
    re.IGNORECASE,
)
VIRTUAL_BUCKET = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]+)\.(?:localhost|s3(?:[.-][a-z0-9.-]+)?\.amazonaws\.com)$", re.IGNORECASE
)
WEBSITE = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]+)\.s3-website(?:[.-][a-z0-9-]+)?\.(?:localhost|amazonaws\.com(?:\.cn)?)",
    re.IGNORECASE,
)


def host_of(environ: Environ) -> str:
    """Return the host that a request is sent to, without its port."""
    return re.sub(r":\d+$", "", environ.get("HTTP_HOST", ""))


def name_bucket(environ: Environ) -> None:
    """Note the bucket that a virtual host names, but for a website's."""
    bucket = VIRTUAL_BUCKET.match(host_of(environ))
    if bucket and not website_of(environ):
        environ["kennel.bucket"] = bucket["bucket"]


def website_of(environ: Environ) -> str | None:
    """Return the bucket whose website a request is sent to; None if it is sent to none."""
    match = WEBSITE.fullmatch(host_of(environ))
    return match["bucket"] if match else None
