"""The environment variables that point an AWS SDK, Terraform and the tasks at a local cloud."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode, urlsplit

from kennel.localcloud import OPERATOR_ACCESS_KEY, REGION, LocalCloudError


def connection(endpoint_url: str, region: str = REGION) -> dict[str, str]:
    """Return the variables that point an AWS SDK at a local cloud, credentials apart."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_MAX_ATTEMPTS": "2",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def operator_environment(endpoint_url: str, secret: str) -> dict[str, str]:
    """Return the variables that make AWS's tools, Terraform and the tasks act as a cloud's operator.

    Parameters
    ----------
    secret
        The operator's secret key: `service_record.operator_secret` of the cloud's folder.
    """
    return {
        **connection(endpoint_url),
        "AWS_ACCESS_KEY_ID": OPERATOR_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": secret,
        "TF_VAR_s3_use_path_style": "true",
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }


def web_identity_token(endpoint_url: str, issuer: str, audience: str, subject: str) -> str:
    """Return a token of an OpenID Connect provider, which the local cloud signs in its stead.

    Raises
    ------
    OSError
        No local cloud answers there.
    """
    query = urlencode({"issuer": issuer, "audience": audience, "subject": subject})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{endpoint_url}/_kennel/web-identity/token?{query}", data=b"", timeout=30) as response:
        token: str = json.load(response)["token"]
    return token


def administer(port: int, path: str, **values: float | None) -> dict[str, Any]:
    """Change something of the service on a port through an administrative path; return what it responds.

    Parameters
    ----------
    port
        Where it listens.
    path
        ``clock`` (``advance`` by seconds, ``speed``) or ``endpoints`` (``launch``: seconds).
    values
        What to change; None changes nothing. It returns when everything that became due has run.

    Raises
    ------
    LocalCloudError
        No local cloud answers there, or it refuses.
    """
    query = urlencode({name: value for name, value in values.items() if value is not None})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_kennel/{path}?{query}", data=b"") as response:
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        raise LocalCloudError(f"the local cloud refuses this: {error.read().decode().strip()}") from error
    except OSError as error:
        raise LocalCloudError(f"no local cloud answers on port {port}: {error}") from error
    return answer


def is_local_cloud(endpoint_url: str) -> bool:
    """Return whether a running local cloud answers at an endpoint's address."""
    address = urlsplit(endpoint_url)
    if address.hostname not in ("127.0.0.1", "localhost", "::1") or not address.port:
        return False
    return "pid" in (request_status(address.port) or {})


def request_status(port: int, seconds: float = 5.0) -> dict[str, Any] | None:
    """Return what the service on a port reports of itself; None if no local cloud answers there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_kennel/status", timeout=seconds) as response:
            document = json.load(response)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
