"""What every test begins with."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_remembered_credentials() -> Iterator[None]:
    """boto3's default session keeps the credentials that it saw first; no test may see another's."""
    yield
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None
