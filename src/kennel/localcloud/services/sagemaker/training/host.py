"""One host of a training job: its `/opt/ml`, its process and its output."""

from __future__ import annotations

import os
import shutil
from collections import deque
from pathlib import Path
from typing import Any

from kennel import archives
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import container_paths, python_environment, storage
from kennel.localcloud.runtime.logs import LogStream
from kennel.localcloud.runtime.opt_ml import ContainerRoot
from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.runtime.workload import PYTHON, Workload, temporary_folder
from kennel.localcloud.services.sagemaker.training import script_mode
from kennel.localcloud.services.sagemaker.training.channels import (
    channels_of,
    download_channels,
    remove_channels,
)
from kennel.localcloud.services.sagemaker.training.container_files import (
    NETWORK_INTERFACE,
    host_count,
    host_name,
    input_data_configuration,
    resource_configuration,
    write_configuration,
)
from kennel.localcloud.services.sagemaker.training.images import is_pytorch
from kennel.localcloud.services.sagemaker.training.metric_publisher import MetricPublisher
from kennel.localcloud.services.sagemaker.training.metric_scraper import MetricScraper

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
FOLDERS = ("input/config", "input/data", "model", "output/data", "checkpoints", "code", "home")
LAST_LINES = 20


class TrainingHost:
    """A host, named as SageMaker names it (`algo-1`, …).

    Parameters
    ----------
    cloud, session
        The local cloud, and the training role's clients.
    parameters : dict
        CreateTrainingJob's.
    scraper : MetricScraper
        The job's: it finds the metrics in the host's lines.
    index : int
        Which host it is, from 0.
    master_port : int
        The port on which the first host waits for the others.
    folder : Path
        Its `/opt/ml`.

    Attributes
    ----------
    workload : Workload
        Its process.
    """

    def __init__(
        self,
        cloud: Cloud,
        session: RoleSession,
        parameters: dict[str, Any],
        scraper: MetricScraper,
        index: int,
        master_port: int,
        folder: Path,
    ) -> None:
        self._cloud, self._session, self._parameters = cloud, session, parameters
        self._index, self._master_port = index, master_port
        self.job, self.name = parameters["TrainingJobName"], host_name(index)
        self.root = ContainerRoot(folder, temporary_folder(cloud))
        for inside in FOLDERS:
            (self.root.path / inside).mkdir(parents=True, exist_ok=True)
        self._metrics = MetricPublisher(session, scraper, f"{self.job}/{self.name}")
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        log = LogStream(session, LOG_GROUP, f"{self.job}/{self.name}-{int(cloud.clock.time())}")
        self.workload = Workload(cloud, session, log, self._receive)

    @property
    def _input_data(self) -> Path:
        return self.root.path / "input/data"

    def configure(self) -> None:
        """Write the configuration files of the container."""
        write_configuration(
            self.root.path / "input/config",
            resource_configuration(self._parameters, self._index),
            input_data_configuration(self._parameters),
            self._hyperparameters(),
        )

    def download(self, sibling: TrainingHost | None = None) -> None:
        """Fetch the channels and the code, and make the SDK's scripts find this host's folder.

        Parameters
        ----------
        sibling
            A host that has fetched them: what both have whole is copied from it.

        Raises
        ------
        StorageError, ClientError
            Nothing is there, or the role may not read it.
        ArchiveError
            The code is no readable archive.
        """
        s3 = self._session.client("s3")
        share = (self._index, host_count(self._parameters))
        complete = sibling._input_data if sibling else None
        download_channels(s3, channels_of(self._parameters), self._input_data, share, complete)
        drivers = self._input_data / "sm_drivers"
        if drivers.is_dir():
            # The drivers call the first host by its name, which only a container network resolves.
            self.root.rewrite(drivers, SM_MASTER_ADDR='"127.0.0.1"', SM_MASTER_PORT=str(self._master_port))
        archive = self._values().get("sagemaker_submit_directory")
        if not self._entrypoint() and archive:
            code = self.root.path / "code"
            storage.download(s3, str(archive), code)
            for packed in code.glob("*.tar.gz"):
                archives.unpack(packed, code)
            self.root.rewrite(code)
        for word in self._entrypoint():
            folder = Path(word).parent
            if folder.is_relative_to(self._input_data) and folder != drivers:
                self.root.rewrite(folder)
        if (self._input_data / "code").is_dir():  # the SDK's channel
            self.root.rewrite(self._input_data / "code")

    def _hyperparameters(self) -> dict[str, str]:
        hyperparameters = self._parameters.get("HyperParameters") or {}
        return {name: self.root.text(value) for name, value in hyperparameters.items()}

    def _values(self) -> dict[str, Any]:
        return script_mode.decoded(self._hyperparameters())

    def _entrypoint(self) -> list[str]:
        algorithm = self._parameters["AlgorithmSpecification"]
        words = [
            *(algorithm.get("ContainerEntrypoint") or []),
            *(algorithm.get("ContainerArguments") or []),
        ]
        return [self.root.text(word) for word in words] if algorithm.get("ContainerEntrypoint") else []

    def start(self) -> None:
        """Start the host's process; its lines go to CloudWatch Logs, their metrics to CloudWatch.

        Raises
        ------
        ProcessStartError
            The program does not start.
        """
        command, cwd, environment = self._entrypoint(), self.root.path, self._environment()
        if not command:
            cwd = self.root.path / "code"
            command = self._script(cwd, environment)
        self.workload.start(command, cwd=cwd, env=environment)

    def _script(self, code: Path, environment: dict[str, str]) -> list[str]:
        """Return the command of script mode, after what the folder of its code requires."""
        values, python = self._values(), python_environment.python(environment)
        package = code / "setup.py"
        launcher = script_mode.launcher(values, self._index, host_count(self._parameters), self._master_port)
        return python_environment.with_requirements(
            script_mode.command(values, python, launcher, package.exists()),
            package if package.exists() else code / "requirements.txt",
            self._cloud.directory,
            environment,
        )

    def _environment(self) -> dict[str, str]:
        isolated = bool(self._parameters.get("EnableNetworkIsolation"))
        environment = self.workload.environment(self.root.path / "home", isolated=isolated)
        environment |= {
            "TRAINING_JOB_NAME": self.job,
            "TRAINING_JOB_ARN": f"arn:aws:sagemaker:{self._cloud.region}:{self._cloud.account}:"
            f"training-job/{self.job}",
            "PYTHONUNBUFFERED": "TRUE",  # as in AWS's images: lines must come as they are printed
            "PET_MASTER_PORT": str(self._master_port),  # torchrun's, where the drivers give none
            "GLOO_SOCKET_IFNAME": NETWORK_INTERFACE,
            container_paths.ROOT: str(self.root.path),
            # Hosts share this machine: each has its part of the processors.
            "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // host_count(self._parameters))),
        }
        if not self._entrypoint():
            environment |= script_mode.environment(
                self.root.path,
                self.job,
                self._values(),
                resource_configuration(self._parameters, self._index),
                input_data_configuration(self._parameters),
            )
            if is_pytorch(self._parameters["AlgorithmSpecification"].get("TrainingImage") or ""):
                environment |= script_mode.rendezvous(self._master_port)
        variables = self._parameters.get("Environment") or {}
        return environment | {name: self.root.text(value) for name, value in variables.items()}

    def _receive(self, line: str) -> None:
        self._last_lines.append(line)
        self._metrics.read(line)

    def finish(self) -> None:
        """End what still runs, and wait until everything that it printed is sent."""
        self.workload.terminate(0)
        self.workload.join_output()
        self._metrics.publish()
        self.workload.close()

    def failure(self) -> str:
        """Return the text of `/opt/ml/output/failure`, or what script mode's toolkit would write there."""
        try:
            return (self.root.path / "output/failure").read_text(errors="replace").strip()
        except OSError:
            if self._entrypoint() or not self._last_lines:
                return ""
            return 'ExecuteUserScriptError:\nErrorMessage "' + "\n".join(self._last_lines) + '"'

    def failed_at(self) -> float:
        """Return when (Unix seconds) it wrote its reason, or ended without one."""
        try:
            return (self.root.path / "output/failure").stat().st_mtime
        except OSError:
            return self.workload.output_ended_at

    def close(self) -> None:
        """End it; remove channels and environment; keep what explains the job: scripts, output, …"""
        self.finish()
        shutil.rmtree(self.root.path / "home" / PYTHON, ignore_errors=True)
        remove_channels(channels_of(self._parameters), self._input_data)
        self.root.close()
