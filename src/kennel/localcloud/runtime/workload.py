"""What every workload starts with: its role's environment."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from kennel.localcloud.connection import connection
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.role_session import role_credentials


@dataclass
class TemporaryFolder:
    """Where workloads put temporary files; its path is short.

    Sockets are created there, whose paths may have 104 characters at most (108 on Linux): a job's own folder
    is too deep for those through which a DataLoader's workers pass their batches.
    """

    path: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="kennel-")))

    def remove(self) -> None:
        """Remove it with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def temporary_folder(cloud: Cloud) -> Path:
    """Return the cloud's folder for temporary files; it is removed at shutdown."""

    def create() -> TemporaryFolder:
        folder = TemporaryFolder()
        cloud.on_shutdown(folder.remove)
        return folder

    return cloud.store(TemporaryFolder, create).path


def workload_environment(
    cloud: Cloud, role_arn: str, service: str, session_name: str | None = None, home: Path | None = None
) -> dict[str, str]:
    """Return the whole environment of a workload: its role's credentials, nothing of this process's own.

    Parameters
    ----------
    cloud, role_arn, service, session_name
        As for `role_credentials`.
    home
        The process's HOME; by default a folder of the cloud's own.
    """
    home = home or cloud.directory / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **role_credentials(cloud, role_arn, service, session_name),
        **connection(cloud.endpoint_url),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(temporary_folder(cloud)),
    }
