"""What every test begins with."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

from kennel.checks import shared_commands

ROOT = Path(__file__).resolve().parents[1]

# torch, moto and the SageMaker SDK fill the heap with objects that live as long as the process. Going through
# all of them every few hundred allocations took a quarter of a test process's time.
gc.set_threshold(100_000, 20, 100)


# Processes that tests start import the package too, and what records their coverage stays on their path.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))

# Every session of botocore reads the descriptions of its services anew: a quarter of a second for a client,
# and most tests make some.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of every later collection, also of those at pytest's end."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_remembered_credentials() -> Iterator[None]:
    """boto3's default session keeps the credentials that it saw first; no test may see another's."""
    yield
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None


@pytest.fixture(scope="session")
def provider_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let commands of Terraform share a provider: those of the stack, and others without relative paths."""
    folder = tmp_path_factory.mktemp("provider")
    with (
        shared_commands.variables(ROOT, ROOT / "terraform", folder) as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        yield
