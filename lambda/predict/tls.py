"""TLS settings, made once: reading the certificate authorities takes tens of milliseconds."""

from __future__ import annotations

import os
import ssl
from functools import cache


@cache
def public() -> ssl.SSLContext:
    """Return the settings for servers on the internet."""
    return ssl.create_default_context()


@cache
def aws() -> ssl.SSLContext:
    """Return the settings for AWS's services; ``AWS_CA_BUNDLE``, if it is set, names their authorities."""
    bundle = os.environ.get("AWS_CA_BUNDLE")
    return ssl.create_default_context(cafile=bundle) if bundle else public()
