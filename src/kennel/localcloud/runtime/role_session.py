"""Clients that act as a workload's role: the platform serves a workload with that role's rights only."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from moto.core.exceptions import ServiceException

from kennel.localcloud.authorization.trust import assume_for_service
from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.cloud import Cloud, TransientStore

SESSION_SECONDS = 12 * 3600
RENEW_AFTER = 3600.0  # seconds, well before the sessions end
LOADER = create_loader()  # the service models are read once for all sessions: 100 ms each otherwise
CONFIG = Config(
    retries={"total_max_attempts": 2, "mode": "standard"},
    max_pool_connections=32,
    connect_timeout=10,
    read_timeout=120,
    parameter_validation=False,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    s3={"addressing_style": "path"},
)


def role_credentials(
    cloud: Cloud, role_arn: str, service: str, session_name: str | None = None
) -> dict[str, str]:
    """Return temporary credentials of a role, as a service of AWS gets them for a workload.

    Parameters
    ----------
    cloud
        The running local cloud.
    role_arn
        The workload's role.
    service
        The service principal, e.g. ``sagemaker.amazonaws.com``.
    session_name
        The session's name; the service's own name when omitted.

    Returns
    -------
    ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and ``AWS_SESSION_TOKEN``.

    Raises
    ------
    AwsError
        ``AccessDenied``: the role does not exist, or its trust policy does not let the service assume it.
    """
    session = assume_for_service(cloud, role_arn, service, session_name, SESSION_SECONDS)
    return {
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }


class RoleSession:
    """Clients of one role, their temporary credentials renewed in time; safe to share between threads.

    Parameters
    ----------
    cloud : Cloud
        The running local cloud.
    role_arn : str
        The role; its trust policy must allow `service`.
    service : str
        The service principal that assumes it, e.g. ``lambda.amazonaws.com``.
    name : str
        The session's name, which the audit log and error messages show.
    """

    def __init__(self, cloud: Cloud, role_arn: str, service: str, name: str) -> None:
        self._cloud, self.role_arn, self.service, self.name = cloud, role_arn, service, name
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._session: boto3.Session | None = None
        self._renew_at = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return role_session, (self._cloud, self.role_arn, self.service, self.name)

    @property
    def clock(self) -> Clock:
        """The cloud's clock, for what is logged and published in the role's name."""
        return self._cloud.clock

    def client(self, name: str) -> Any:
        """Return a boto3 client of service `name`, signing with the role's credentials.

        Raises
        ------
        ServiceException
            The service may not assume the role.
        """
        with self._lock:  # creating clients from one session is not thread-safe
            if self._session is None or time.monotonic() > self._renew_at:
                self._session = self._assume()
                self._renew_at = time.monotonic() + RENEW_AFTER
                self._clients.clear()
            if name not in self._clients:
                self._clients[name] = self._session.client(
                    name, endpoint_url=self._cloud.endpoint_url, config=CONFIG
                )
            return self._clients[name]

    def _assume(self) -> boto3.Session:
        credentials = role_credentials(self._cloud, self.role_arn, self.service, self.name)
        core = botocore.session.Session()
        core.register_component("data_loader", LOADER)
        return boto3.Session(
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=credentials["AWS_SESSION_TOKEN"],
            region_name=self._cloud.region,
            botocore_session=core,
        )


@dataclass
class RoleSessions(TransientStore):
    """The role sessions of a cloud, by role, service and session name."""

    by_key: dict[tuple[str, str, str], RoleSession] = field(default_factory=dict)


def role_session(cloud: Cloud, role_arn: str, service: str, name: str) -> RoleSession:
    """Return the cloud's one session of a role under a name, so that its clients are built once."""
    with cloud.lock:
        sessions = cloud.store(RoleSessions).by_key
        return sessions.setdefault((role_arn, service, name), RoleSession(cloud, role_arn, service, name))


def error_text(error: Exception) -> str:
    """Return an error as AWS's own failure reasons quote it: ``AccessDenied (403): …``.

    Parameters
    ----------
    error
        What S3 or another service responded (ClientError), an error of the local cloud itself
        (ServiceException, e.g. of a role that cannot be assumed), or any other.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        detail = error.response.get("Error", {})
        return f"{detail.get('Code', 'Unknown')} ({status}): {detail.get('Message', error)}"
    if isinstance(error, ServiceException):
        return f"{error.code}: {error.message}"
    return str(error)
