"""What every test begins with."""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Iterator

import botocore.session
import pytest

# torch, moto and the SageMaker SDK fill the heap with objects that live as long as the process. Going through
# all of them every few hundred allocations took a quarter of a test process's time.
gc.set_threshold(100_000, 20, 100)

# Every session of botocore reads the descriptions of its services anew: a quarter of a second for a client,
# and most tests make some.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


@pytest.fixture(autouse=True)
def _no_remembered_credentials() -> Iterator[None]:
    """boto3's default session keeps the credentials that it saw first; no test may see another's."""
    yield
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None
