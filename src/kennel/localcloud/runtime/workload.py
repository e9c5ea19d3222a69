"""Workloads: processes that run with a role's rights and whose output goes to a log stream."""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kennel.folders import WORKLOAD_PACKAGES
from kennel.localcloud import temporary_folder as temporary_folder_file
from kennel.localcloud.connection import connection
from kennel.localcloud.dispatch.cloud import Cloud, TransientStore
from kennel.localcloud.runtime import container_paths, python_environment
from kennel.localcloud.runtime.logs import LogStream
from kennel.localcloud.runtime.process_output import OutputReader
from kennel.localcloud.runtime.role_session import RoleSession, role_credentials
from kennel.localcloud.runtime.supervisor import SupervisedProcess, supervisors

LEADING_TO_AWS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "BOTOCORE_EXPERIMENTAL__PLUGINS",
}
PYTHON = ".python"  # a workload's Python environment, in its HOME
END_SECONDS = 60.0  # how long a killed process and the end of its output are waited for


@dataclass
class TemporaryFolder(TransientStore):
    """Where workloads put temporary files."""

    everywhere = True

    path: Path


def temporary_folder(cloud: Cloud) -> Path:
    """Return the cloud's folder for temporary files; it is removed at shutdown."""

    def create() -> TemporaryFolder:
        cloud.on_shutdown(lambda: temporary_folder_file.remove(cloud.directory))
        return TemporaryFolder(temporary_folder_file.make(cloud.directory))

    return cloud.store(TemporaryFolder, create).path


def workload_environment(
    cloud: Cloud, role_arn: str, service: str, session_name: str | None = None, home: Path | None = None
) -> dict[str, str]:
    """Return the whole environment of a workload: its role's credentials, nothing of this process's own.

    Its Python is one of its own, over Kennel's packages, below its HOME.

    Parameters
    ----------
    cloud, role_arn, service, session_name
        As for `role_credentials`.
    home
        The process's HOME; by default a folder of the cloud's own.
    """
    home = home or cloud.directory / "home"
    home.mkdir(parents=True, exist_ok=True)
    environment, programs = home / PYTHON, temporary_folder(cloud) / "programs"
    python_environment.make_environment(environment)
    python_environment.make_programs(programs)
    return {
        **role_credentials(cloud, role_arn, service, session_name),
        **connection(cloud.endpoint_url, cloud.region),
        "PATH": os.pathsep.join(
            [str(environment / "bin"), str(programs), "/usr/local/bin", "/usr/bin", "/bin"]
        ),
        "VIRTUAL_ENV": str(environment),
        "PIP_CACHE_DIR": str(cloud.directory / WORKLOAD_PACKAGES / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",  # pip would look for a newer pip in the network
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(temporary_folder(cloud)),
    }


class Workload:
    """A process with a role's rights. It may be started again once it has ended; its log stream goes on.

    Parameters
    ----------
    cloud : Cloud
        The running local cloud.
    session : RoleSession
        The session of the role that it runs with.
    log : LogStream or None
        Gets each line of its output; `close` closes it.
    receive : callable or None
        Gets each line after the log stream, in the thread that reads the output.
    """

    def __init__(
        self,
        cloud: Cloud,
        session: RoleSession,
        log: LogStream | None = None,
        receive: Callable[[str], None] | None = None,
    ) -> None:
        self._cloud, self._session, self._log, self._receive = cloud, session, log, receive
        self._process: SupervisedProcess | None = None
        self._output: OutputReader | None = None

    def environment(self, home: Path | None = None, *, isolated: bool = False) -> dict[str, str]:
        """Return what its environment begins with; see `workload_environment`.

        Parameters
        ----------
        home
            The process's HOME.
        isolated
            Whether it is a container with network isolation: it has no credentials and no way to AWS.

        Raises
        ------
        AwsError
            The service may not assume the role.
        """
        session = self._session
        variables = workload_environment(self._cloud, session.role_arn, session.service, session.name, home)
        if not isolated:
            return variables
        kept = {name: value for name, value in variables.items() if name not in LEADING_TO_AWS}
        # pip has no index to ask, but accepts what is installed.
        return {**kept, "PIP_NO_INDEX": "1", container_paths.ISOLATED: str(self._cloud.port)}

    def start(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        """Start the process under a supervisor, and read its output.

        Parameters
        ----------
        command, cwd, env
            As for `Supervisors.start`: `env` is the whole environment.

        Raises
        ------
        ProcessStartError
            The command could not be started, or the service is shutting down.
        """
        process = supervisors(self._cloud).start(command, cwd=cwd, env=env, stdout=subprocess.PIPE)
        assert process.stdout is not None
        self._output = OutputReader(process.stdout, self._log, self._receive)
        self._process = process

    @property
    def started(self) -> bool:
        """Whether a process of it was ever started."""
        return self._process is not None

    @property
    def alive(self) -> bool:
        """Whether its process, or a descendant, still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id of the last process, or None before the first."""
        return self._process.pid if self._process else None

    @property
    def exit_status(self) -> int | None:
        """The exit status, negative for a signal; None before the end."""
        return self._process.poll() if self._process else None

    @property
    def output_ended_at(self) -> float:
        """When its output ended (Unix seconds); infinity before."""
        return self._output.ended_at if self._output else math.inf

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end of the process; return `exit_status`, None if `timeout` seconds passed first."""
        return self._process.wait(timeout) if self._process else None

    def drain(self) -> None:
        """Pass on every line that it has written so far."""
        if self._output:
            self._output.drain()

    def join_output(self, timeout: float = END_SECONDS) -> None:
        """Wait until its output has ended and every line was passed on, at most `timeout` seconds."""
        if self._output:
            self._output.join(timeout)

    def terminate(self, grace: float) -> None:
        """Send SIGTERM, and SIGKILL after `grace` seconds; 0 sends SIGKILL at once. Does not wait."""
        if self._process:
            if grace:
                self._process.terminate(grace)
            else:
                self._process.kill()

    def close(self) -> None:
        """Kill what still runs, wait until the rest of its output is passed on, and close the log stream."""
        self.terminate(0)
        self.wait(END_SECONDS)
        self.join_output()
        if self._log:
            self._log.close()
