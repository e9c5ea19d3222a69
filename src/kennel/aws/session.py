"""Where an environment of one checkout lives, and the clients that reach its AWS account.

The only place below the entry points that reads environment variables.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kennel.aws import StackError

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = ("local", "dev", "prod")


@dataclass(frozen=True)
class Workspace:
    """One environment of one checkout.

    Parameters
    ----------
    environment
        ``local``, ``dev`` or ``prod``: which ``terraform/environments/*.tfvars`` applies.
    build
        Folder of everything generated for it: Terraform's working data, the function's
        zip, the release that is deployed.
    root
        The checkout.
    """

    environment: str
    build: Path
    root: Path = ROOT

    def __post_init__(self) -> None:
        if self.environment not in ENVIRONMENTS:
            raise StackError(
                f"unknown environment {self.environment!r}: use one of {', '.join(ENVIRONMENTS)}"
            )

    @classmethod
    def of(cls, environment: str, root: Path = ROOT) -> Workspace:
        """Return the workspace that tasks use for ``environment``."""
        return cls(environment, root / "build" / "stack" / environment, root)

    @property
    def terraform_directory(self) -> Path:
        return self.root / "terraform"

    @property
    def release_file(self) -> Path:
        """The variable file that says which release is deployed (``{"release": null}`` for none)."""
        return self.build / "release.tfvars.json"


def endpoint_url() -> str | None:
    """Return where AWS is, if not at its own addresses."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def s3_use_path_style() -> bool:
    """Return whether buckets are addressed by path, as the Terraform variable of that name says."""
    # Terraform's variables are case-sensitive, so this one is not in capitals.
    return os.environ.get("TF_VAR_s3_use_path_style", "").lower() == "true"  # noqa: SIM112 - see above


def region() -> str:
    """Return the region in force.

    Raises
    ------
    StackError
        No region is configured.
    """
    import boto3

    name = os.environ.get("AWS_REGION") or boto3.Session().region_name
    if not name:
        raise StackError("no AWS region is set: export AWS_REGION=us-east-1 (or your own)")
    return name


@cache
def _client(service: str, region_name: str, endpoint: str | None, key: str | None, path_style: bool) -> Any:
    import boto3
    from botocore.config import Config

    # `endpoint` and `key` only make the cache miss when the environment changes: boto3 reads
    # both itself. Without path style, boto3 would ask for http://bucket.localhost.
    addressing = {"addressing_style": "path" if path_style else "auto"}
    # A session of its own: boto3's default one keeps the credentials that it saw first.
    return boto3.Session().client(
        service,
        region_name=region_name,
        config=Config(s3=addressing, read_timeout=90, retries={"mode": "standard"}, max_pool_connections=32),
    )


def client(service: str) -> Any:
    """Return the boto3 client of ``service`` for the environment variables in force now."""
    return _client(
        service, region(), endpoint_url(), os.environ.get("AWS_ACCESS_KEY_ID"), s3_use_path_style()
    )


def account_id() -> str:
    """Return the account that the credentials belong to."""
    return client("sts").get_caller_identity()["Account"]


def provider_mirror() -> str | None:
    """Return the folder of unpacked Terraform providers that the launcher found, if any."""
    return os.environ.get("KENNEL_PROVIDER_MIRROR") or None


def terraform_binary() -> str:
    """Return the Terraform that the launcher chose, else the one on PATH."""
    return os.environ.get("KENNEL_TERRAFORM") or "terraform"
