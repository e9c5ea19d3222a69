"""The files of one environment of one checkout, and the boto3 clients for its AWS account."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kennel.aws import StackError

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = ("local", "dev", "prod")


@dataclass(frozen=True)
class Workspace:
    """One environment of one checkout.

    Parameters
    ----------
    environment
        ``local``, ``dev`` or ``prod``: selects ``terraform/environments/*.tfvars``.
    build
        Folder of all generated files: Terraform's working data, the function's zip.
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
        """The Terraform root module."""
        return self.root / "terraform"

    @property
    def package(self) -> Path:
        """The package ``kennel``, of which releases and jobs get parts."""
        return self.root / "src" / "kennel"


def endpoint_url() -> str | None:
    """Return the URL of AWS's services if it is not the default one, such as that of the local cloud."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def s3_use_path_style() -> bool:
    """Return whether buckets are addressed by path: the Terraform variable of that name."""
    # Names of Terraform's variables are case-sensitive.
    return os.environ.get("TF_VAR_s3_use_path_style", "").lower() == "true"  # noqa: SIM112 - see above


def region() -> str:
    """Return the configured region.

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
def _models() -> Any:
    """Return botocore's reader of service descriptions, one for all clients: each would read them anew."""
    from botocore.loaders import create_loader

    return create_loader()


@cache
def _session(endpoint: str | None, key: str | None) -> Any:
    import boto3
    import botocore.session

    # `endpoint` and `key` are part of the cache key only: boto3 reads both from the environment. Its default
    # session would keep the first credentials that it reads.
    core = botocore.session.Session()
    core.register_component("data_loader", _models())
    return boto3.Session(botocore_session=core)


@cache
def _client(service: str, region_name: str, endpoint: str | None, key: str | None, path_style: bool) -> Any:
    from botocore.config import Config

    # Without path style, boto3 would use the host name bucket.localhost.
    addressing = {"addressing_style": "path" if path_style else "auto"}
    return _session(endpoint, key).client(
        service,
        region_name=region_name,
        config=Config(s3=addressing, read_timeout=90, retries={"mode": "standard"}, max_pool_connections=32),
    )


_MAKING = threading.Lock()  # threads can share a client, but no session that makes one


def client(service: str) -> Any:
    """Return the boto3 client of ``service`` for the current environment variables."""
    with _MAKING:
        return _client(
            service, region(), endpoint_url(), os.environ.get("AWS_ACCESS_KEY_ID"), s3_use_path_style()
        )


def forget() -> None:
    """Forget all clients, and who calls: other credentials may have the same key, or another account."""
    for remembered in (_session, _client, _caller):
        remembered.cache_clear()


@dataclass(frozen=True)
class Caller:
    """Who calls AWS, and where.

    Parameters
    ----------
    endpoint_url
        Of the service STS: AWS's own, or another that the configuration names.
    """

    account: str
    region: str
    endpoint_url: str

    @property
    def on_aws(self) -> bool:
        """Whether AWS itself answers."""
        host = urlsplit(self.endpoint_url).hostname or ""
        return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


@cache
def _caller(sts: Any, access_key: str | None) -> Caller:
    # `access_key` is part of the cache key only.
    account = str(sts.get_caller_identity()["Account"])
    return Caller(account, sts.meta.region_name, sts.meta.endpoint_url)


def caller() -> Caller:
    """Return who calls AWS with the current environment variables; AWS is asked once in a process."""
    return _caller(client("sts"), os.environ.get("AWS_ACCESS_KEY_ID"))


def account_id() -> str:
    """Return the id of the account that the credentials belong to."""
    return caller().account


def partition() -> str:
    """Return the partition of the configured region: the second part of every ARN."""
    core = _session(endpoint_url(), os.environ.get("AWS_ACCESS_KEY_ID"))
    return str(core.get_partition_for_region(region()))


def provider_mirror() -> str | None:
    """Return the folder of unpacked Terraform providers that the launcher set, if any."""
    return os.environ.get("KENNEL_PROVIDER_MIRROR") or None


def terraform_binary() -> str:
    """Return the Terraform binary that the launcher selected, else the name to look up on PATH."""
    return os.environ.get("KENNEL_TERRAFORM") or "terraform"
