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

# torch, moto and the SageMaker SDK fill the heap with objects that live as long as the process. Going through
# all of them every few hundred allocations took a quarter of a test process's time.
gc.set_threshold(100_000, 20, 100)


# Processes that tests start import the package too, and what records their coverage stays on their path.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).resolve().parents[1] / "src"), os.environ.get("PYTHONPATH")])
)

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
def provider_unchecked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let Terraform use the provider of the mirror as it lies there, if there is a mirror.

    Each of its commands would compute the checksum of 700 MB, which takes longer than a small plan. The check
    `terraform validate` compares it with the lock file's.
    """
    mirror = os.environ.get("KENNEL_PROVIDER_MIRROR")
    with pytest.MonkeyPatch.context() as patch:
        if mirror:
            (provider,) = Path(mirror).glob("registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*")
            configuration = tmp_path_factory.mktemp("terraform") / "terraform.rc"
            configuration.write_text(
                "provider_installation {\n  dev_overrides {\n"
                f'    "hashicorp/aws" = "{provider.parent}"\n  }}\n  direct {{}}\n}}\n'
            )
            patch.setenv("TF_CLI_CONFIG_FILE", str(configuration))
        yield
