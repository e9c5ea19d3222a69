"""The running local cloud: its folder, port, ledger, child processes, and the credentials of workloads."""

from __future__ import annotations

import datetime
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kennel.localcloud import ACCOUNT_ID, OPERATOR_ACCESS_KEY, OPERATOR_SECRET_KEY, REGION, VERSION
from kennel.localcloud.ledger import Entry, Ledger

if TYPE_CHECKING:
    from kennel.localcloud.ward import Wards

log = logging.getLogger(__name__)

# Read by moto when it is imported or first used; set here so that no importer can forget them.
MOTO_SETTINGS = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_ALLOW_NONEXISTENT_REGION": "false",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    "MOTO_ACCOUNT_ID": ACCOUNT_ID,
}
SESSION_SECONDS = 12 * 3600


class Cloud:
    """One local cloud.

    Parameters
    ----------
    directory
        Where jobs, endpoints, functions, the ledger and the log live.
    port
        The port it is reached at on 127.0.0.1.
    """

    def __init__(self, directory: Path, port: int) -> None:
        os.environ.update(MOTO_SETTINGS, MOTO_PORT=str(port))
        self.directory = directory.resolve()
        self.port = port
        self.account = ACCOUNT_ID
        self.region = REGION
        self.started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.ledger = Ledger(self.directory / "ledger.jsonl")
        self.lock = threading.RLock()
        self._states: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
        self._shutdowns: list[Callable[[], None]] = []

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def wards(self) -> Wards:
        """The keepers of every child process."""
        from kennel.localcloud.ward import Wards

        wards = Wards()
        self.on_shutdown(wards.stop_all)
        return wards

    @cached_property
    def temporary(self) -> Path:
        """Where workloads put temporary files; its path is short.

        Sockets lie there, whose paths may have 104 characters at most (108 on Linux): a job's own folder is
        too deep for those by which a DataLoader's workers hand over their batches.
        """
        folder = Path(tempfile.mkdtemp(prefix="kennel-"))
        self.on_shutdown(lambda: shutil.rmtree(folder, ignore_errors=True))
        return folder

    def state(self, service: str) -> dict[Any, Any]:
        """What a service's operations remember beside moto's objects; hold ``lock`` to change it."""
        return self._states[service]

    def on_shutdown(self, action: Callable[[], None]) -> None:
        """Run an action at shutdown; later ones first."""
        self._shutdowns.append(action)

    def status(self) -> dict[str, Any]:
        """What ``GET /_kennel/status`` answers."""
        return {
            "ready": True,
            "pid": os.getpid(),
            "port": self.port,
            "endpoint_url": self.endpoint_url,
            "directory": str(self.directory),
            "started_at": self.started_at,
            "version": VERSION,
        }

    def record(self, principal: str, action: str, resource: str, decision: str, reason: str) -> None:
        """Enter a decision in the ledger that no HTTP request asked for."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        status = 403 if decision == "deny" else 200
        self.ledger.record(Entry(now, principal, action, resource, decision, reason, status))

    def assume(self, role_arn: str, service: str, session_name: str | None = None) -> dict[str, str]:
        """Temporary credentials of a role, as a service of AWS gets them for a workload.

        Parameters
        ----------
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
        from kennel.localcloud.iam.trust import assume_for_service

        session = assume_for_service(self, role_arn, service, session_name, SESSION_SECONDS)
        return {
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
        }

    def workload_environment(
        self, role_arn: str, service: str, session_name: str | None = None, home: Path | None = None
    ) -> dict[str, str]:
        """The whole environment of a workload: its role's credentials, nothing of this process's own.

        Parameters
        ----------
        role_arn, service, session_name
            As for `assume`.
        home
            The process's HOME; by default a folder of the cloud's own.
        """
        home = home or self.directory / "home"
        home.mkdir(parents=True, exist_ok=True)
        return {
            **self.assume(role_arn, service, session_name),
            **connection(self.endpoint_url),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "TMPDIR": str(self.temporary),
        }

    def shutdown(self) -> None:
        """Stop every child process and close the ledger."""
        while self._shutdowns:
            try:
                self._shutdowns.pop()()
            except Exception:
                log.exception("a part of the local cloud did not end in order")
        self.ledger.close()


def connection(endpoint_url: str) -> dict[str, str]:
    """The variables that point an AWS SDK at a local cloud, credentials apart."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "2",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def operator_environment(endpoint_url: str) -> dict[str, str]:
    """The variables that make the tools of AWS, Terraform's and Kennel's work as a cloud's operator."""
    return {
        **connection(endpoint_url),
        "AWS_ACCESS_KEY_ID": OPERATOR_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET_KEY,
        "TF_VAR_s3_use_path_style": "true",
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }
