"""The environment variables that point an AWS SDK, Terraform and the tasks at a local cloud."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from kennel.localcloud import ADMINISTRATION, OPERATOR_ACCESS_KEY, REGION, LocalCloudError

SDK_PLUGIN = Path(__file__).with_name("sdk") / "kennel_local_cloud.py"  # its folder is for PYTHONPATH
PATH_STYLE = {"TF_VAR_s3_use_path_style": "true"}  # for terraform/: no name leads to a bucket's own host


def connection(endpoint_url: str, region: str = REGION) -> dict[str, str]:
    """Return the variables that point an AWS SDK at a local cloud, credentials apart."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_MAX_ATTEMPTS": "2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "BOTOCORE_EXPERIMENTAL__PLUGINS": f"kennel={SDK_PLUGIN.stem}",
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
        **PATH_STYLE,
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }


def web_identity_token(variables: Mapping[str, str], issuer: str, audience: str, subject: str) -> str:
    """Return a token of an OpenID Connect provider, which the local cloud signs in its stead.

    Parameters
    ----------
    variables
        `operator_environment` of the cloud.

    Raises
    ------
    LocalCloudError
        No local cloud answers there, or it refuses.
    """
    asked = {"issuer": issuer, "audience": audience, "subject": subject}
    token: str = json.loads(_send(variables, "POST", "web-identity/token", asked, 30))["token"]
    return token


def administer(variables: Mapping[str, str], path: str, **values: float | str | None) -> dict[str, Any]:
    """Change something of a running service through an administrative path; return what it responds.

    Parameters
    ----------
    variables
        `operator_environment` of the cloud: where it is, and the secret that it asks for.
    path
        ``clock`` (``advance`` by seconds, ``speed``) or ``endpoints`` (``launch``: seconds).
    values
        What to change; None changes nothing. It returns when everything that became due has run.

    Raises
    ------
    LocalCloudError
        No local cloud answers there, or it refuses.
    """
    answer: dict[str, Any] = json.loads(_send(variables, "POST", path, values))
    return answer


def _send(
    variables: Mapping[str, str],
    method: str,
    path: str,
    values: Mapping[str, float | str | None] | None = None,
    seconds: float | None = None,
) -> bytes:
    """Return what a service responds to the operator's signed request.

    The signature, not the secret, is sent: another program may listen on the port by now.
    """
    query = urlencode({name: value for name, value in (values or {}).items() if value is not None})
    url = f"{variables['AWS_ENDPOINT_URL']}/_kennel/{path}" + (f"?{query}" if query else "")
    headers = signed_headers(variables, method, url)
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - the caller's own cloud
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as response:
            content: bytes = response.read()
    except urllib.error.HTTPError as error:
        raise LocalCloudError(f"the local cloud refuses this: {error.read().decode().strip()}") from error
    except OSError as error:
        port = urlsplit(url).port
        raise LocalCloudError(f"no local cloud answers on port {port}: {error}") from error
    return content


def signed_headers(variables: Mapping[str, str], method: str, url: str) -> dict[str, str]:
    """Return the headers with which an administrative path answers a request without a body."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, url)
    operator = Credentials(OPERATOR_ACCESS_KEY, variables["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(operator, ADMINISTRATION, REGION).add_auth(request)
    return dict(request.headers.items())


def is_local_cloud(endpoint_url: str) -> bool:
    """Return whether a running local cloud answers at an endpoint's address."""
    return "pid" in _status_at(endpoint_url)


def time_at(endpoint_url: str) -> datetime | None:
    """Return the time by the clock of the local cloud at an endpoint's address; None if none is there."""
    now = _status_at(endpoint_url).get("now")
    return datetime.fromisoformat(now) if now else None


def _status_at(endpoint_url: str) -> dict[str, Any]:
    """Return what a local cloud at an endpoint's address reports of itself; nothing if none answers there."""
    address = urlsplit(endpoint_url)
    if address.hostname not in ("127.0.0.1", "localhost", "::1") or not address.port:
        return {}
    return request_status(address.port) or {}


def request_status(port: int, seconds: float = 5.0) -> dict[str, Any] | None:
    """Return what the service on a port says to everybody: process id and time; None if none answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_kennel/status", timeout=seconds) as response:
            document = json.load(response)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def read_status(variables: Mapping[str, str], seconds: float = 5.0) -> dict[str, Any] | None:
    """Return what a running service reports of itself to its operator; None if it does not answer.

    Parameters
    ----------
    variables
        `operator_environment` of the cloud.
    """
    try:
        document: dict[str, Any] = json.loads(_send(variables, "GET", "status", seconds=seconds))
    except (LocalCloudError, ValueError):
        return None
    return document
