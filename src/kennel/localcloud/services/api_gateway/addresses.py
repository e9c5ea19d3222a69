"""The addresses of APIs.

AWS's form is ``https://<api-id>.execute-api.<region>.amazonaws.com/<stage>/``. The local cloud answers
requests with that host, or with ``<api-id>.execute-api.<region>.localhost``, and at
``http://127.0.0.1:<port>/_execute-api/<api-id>/<stage>/``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import Environ

HOST = re.compile(
    r"(?P<id>[0-9a-z]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.(?:localhost|amazonaws\.com)", re.IGNORECASE
)
PATH = re.compile(r"/_execute-api/(?P<id>[0-9a-z]+)(?P<rest>/.*|$)")


class Addressed(NamedTuple):
    """The API that a request is sent to, the host that it names, and its path below the API's root."""

    api_id: str
    host: str
    path: str


def api_of(environ: Environ) -> Addressed | None:
    """Return the API that a request is sent to; None if it is sent to none."""
    host = re.sub(r":\d+$", "", environ.get("HTTP_HOST", ""))
    path: str = (environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).split("?", 1)[0]
    match = HOST.fullmatch(host)
    if match:
        return Addressed(match["id"].lower(), host, path or "/")
    match = PATH.match(path)
    return Addressed(match["id"], host, match["rest"] or "/") if match else None


def address(cloud: Cloud, api_id: str) -> str:
    """Return an address of an API that programs on this machine can use as it is."""
    return f"{cloud.endpoint_url}/_execute-api/{api_id}"
