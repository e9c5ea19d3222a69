"""Which of AWS's services moto has: of another it fails to find the application, with an AttributeError."""

from __future__ import annotations

import re
from functools import cache
from xml.parsers.expat import ExpatError

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


def cannot_read(fault: Exception) -> bool:
    """Return whether moto's S3 failed in reading a document, which is not as the schema says."""
    traceback = fault.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = traceback.tb_frame.f_globals.get("__name__", "") if traceback is not None else ""
    kinds = (ExpatError, AttributeError, KeyError, TypeError, ValueError)
    return isinstance(fault, kinds) and module in ("moto.s3.responses", "xmltodict")
