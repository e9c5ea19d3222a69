"""Which of AWS's services moto has: of another it fails to find the application, with an AttributeError."""

from __future__ import annotations

import re
from functools import cache

from moto.backend_index import backend_url_patterns

from kennel.localcloud import REGION


@cache
def has(endpoint_prefix: str) -> bool:
    """Return whether moto answers for a service.

    Parameters
    ----------
    endpoint_prefix
        The beginning of the service's host name, as botocore has it.
    """
    hosts = (f"{endpoint_prefix}.{REGION}.amazonaws.com", f"{endpoint_prefix}.amazonaws.com")
    return any(re.match(pattern, f"https://{host}") for _, pattern in backend_url_patterns for host in hosts)
