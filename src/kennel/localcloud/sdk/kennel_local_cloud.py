"""A plugin of botocore: clients that name a host of AWS themselves reach the local cloud too.

The SageMaker SDKs ask STS at ``https://sts.REGION.amazonaws.com`` for the account, whatever AWS_ENDPOINT_URL
says, and S3 Control puts the account's number before the host of AWS_ENDPOINT_URL. With this plugin such
requests go to AWS_ENDPOINT_URL itself while that is a local cloud, before they are signed. botocore loads it
by the variable BOTOCORE_EXPERIMENTAL__PLUGINS, from the folder that PYTHONPATH names; an older botocore, or
one without plugins, ignores both. It uses the standard library only.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

LOCAL = ("127.0.0.1", "localhost", "::1")
# Hosts of AWS's services; before `s3` may be a bucket.
HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-].*amazonaws\.com(\.cn)?|.+\.amazonaws\.com(\.cn)?")
# Some operations put an account's number or a word before the endpoint's host, where no name leads.
PREFIXED = re.compile(rf".+\.(?:{'|'.join(map(re.escape, LOCAL))})")


def initialize_client_plugin(client: Any) -> None:
    """Register with a new client; botocore calls it."""
    client.meta.events.register_first("before-sign", redirect)


def redirect(request: Any, **_: Any) -> None:
    """Send a request to the local cloud if it would go to a host of AWS or to one below its own."""
    here, there = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")), urlsplit(request.url)
    name = there.hostname or ""
    host = HOST.fullmatch(name)
    if here.hostname not in LOCAL or not (host or PREFIXED.fullmatch(name)):
        return
    path = f"/{host['bucket']}{there.path}" if host and host["bucket"] else there.path
    request.url = there._replace(scheme=here.scheme, netloc=here.netloc, path=path).geturl()
