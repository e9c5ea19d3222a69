"""One host of a training job: its `/opt/ml`, its configuration files, its process and its output."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.logs import LogStream, lines_of
from kennel.localcloud.runtime.opt_ml import ContainerRoot
from kennel.localcloud.runtime.supervisor import SupervisedProcess, supervisors
from kennel.localcloud.runtime.workload import workload_environment
from kennel.localcloud.services.sagemaker.training import script_mode
from kennel.localcloud.services.sagemaker.training.metric_scraper import NAMESPACE, MetricScraper

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud
    from kennel.localcloud.runtime.role_session import RoleSession

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SDK_CHANNELS = ("code", "sm_drivers")
NETWORK_INTERFACE = "lo" if sys.platform == "linux" else "lo0"
METRICS_SECONDS = 1.0


class TrainingHost:
    """A host, named as SageMaker names it (`algo-1`, …).

    Parameters
    ----------
    cloud, session
        The local cloud, and the training role's clients.
    parameters : dict
        CreateTrainingJob's.
    index : int
        Which host it is, from 0.
    master_port : int
        The port on which the first host waits for the others.
    folder : Path
        Its `/opt/ml`.
    """

    def __init__(
        self,
        cloud: Cloud,
        session: RoleSession,
        parameters: dict[str, Any],
        index: int,
        master_port: int,
        folder: Path,
    ) -> None:
        self._cloud, self._session, self._parameters = cloud, session, parameters
        self._index, self._master_port = index, master_port
        self.job, self.name = parameters["TrainingJobName"], f"algo-{index + 1}"
        self.root = ContainerRoot(folder)
        for inside in ("input/config", "input/data", "model", "output/data", "checkpoints", "code", "home"):
            (self.root.path / inside).mkdir(parents=True, exist_ok=True)
        self.process: SupervisedProcess | None = None
        self._ended_at = math.inf
        self._reader: threading.Thread | None = None
        self._last_lines: deque[str] = deque(maxlen=20)

    @property
    def count(self) -> int:
        """How many hosts the job has."""
        return host_count(self._parameters)

    def channels(self) -> list[dict[str, Any]]:
        """Return the job's input channels."""
        return self._parameters.get("InputDataConfig") or []

    def download(self, sibling: TrainingHost | None = None) -> None:
        """Fetch the channels, then make the SDK's scripts find this host's folder.

        Parameters
        ----------
        sibling
            A host that has fetched them: what both have whole is copied, once over the wire is enough.

        Raises
        ------
        StorageError, ClientError
            Nothing is there, or the role may not read it.
        """
        s3 = self._session.client("s3")
        for channel in self.channels():
            source = channel["DataSource"]["S3DataSource"]
            sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
            target = self.root.path / "input/data" / channel["ChannelName"]
            whole = sibling.root.path / "input/data" / channel["ChannelName"] if sibling else None
            if whole and not sharded and channel["ChannelName"] not in SDK_CHANNELS:
                shutil.copytree(whole, target, dirs_exist_ok=True)
            else:
                share = (self._index, self.count) if sharded else (0, 1)
                self._download_channel(s3, source, target, share)
        self._prepare_code(s3)

    def _download_channel(
        self, s3: Any, source: dict[str, Any], target: Path, share: tuple[int, int]
    ) -> None:
        kind, uri = source.get("S3DataType", "S3Prefix"), source["S3Uri"]
        if kind == "S3Prefix":
            found = storage.download(s3, uri, target, share)
        elif kind == "ManifestFile":
            found = storage.download_manifest(s3, uri, target, share)
        else:
            raise storage.StorageError(f"the local cloud reads no channels of type {kind}: use S3Prefix")
        if not found:
            raise storage.StorageError(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. '
                "Please ensure that the bucket exists and that objects exist under that S3 prefix."
            )

    def _prepare_code(self, s3: Any) -> None:
        drivers = self.root.path / "input/data/sm_drivers"
        if drivers.is_dir():
            # The drivers call the first host by its name, which only a container network resolves.
            self.root.rewrite(drivers, SM_MASTER_ADDR='"127.0.0.1"', SM_MASTER_PORT=str(self._master_port))
        archive = self._values().get("sagemaker_submit_directory")
        if not self._entrypoint() and archive:
            code = self.root.path / "code"
            storage.download(s3, str(archive), code)
            for packed in code.glob("*.tar.gz"):
                with tarfile.open(packed) as bundle:
                    bundle.extractall(code, filter="data")

    def configure(self) -> None:
        """Write the configuration files of the container, exactly as SageMaker does."""
        for name, content in (
            ("resourceconfig", self.resources()),
            ("inputdataconfig", self._input_data()),
            ("hyperparameters", self._hyperparameters()),
        ):
            (self.root.path / f"input/config/{name}.json").write_text(json.dumps(content), encoding="utf-8")

    def resources(self) -> dict[str, Any]:
        """Return the content of `resourceconfig.json`."""
        instance_type = self._parameters["ResourceConfig"].get("InstanceType", "")
        hosts = [f"algo-{number + 1}" for number in range(self.count)]
        group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": hosts}
        return {
            "current_host": self.name,
            "current_instance_type": instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": hosts,
            "instance_groups": [group],
            "network_interface_name": NETWORK_INTERFACE,
        }

    def _input_data(self) -> dict[str, Any]:
        configuration = {}
        for channel in self.channels():
            source = channel["DataSource"]["S3DataSource"]
            configuration[channel["ChannelName"]] = {
                "TrainingInputMode": "File",
                "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            }
            if channel.get("ContentType"):
                configuration[channel["ChannelName"]]["ContentType"] = channel["ContentType"]
        return configuration

    def _hyperparameters(self) -> dict[str, str]:
        given = self._parameters.get("HyperParameters") or {}
        return {name: self.root.text(value) for name, value in given.items()}

    def _values(self) -> dict[str, Any]:
        return script_mode.decoded(self._hyperparameters())

    def _entrypoint(self) -> list[str]:
        algorithm = self._parameters["AlgorithmSpecification"]
        words = [
            *(algorithm.get("ContainerEntrypoint") or []),
            *(algorithm.get("ContainerArguments") or []),
        ]
        return [self.root.text(word) for word in words] if algorithm.get("ContainerEntrypoint") else []

    def _environment(self) -> dict[str, str]:
        home = self.root.path / "home"
        environment = workload_environment(
            self._cloud, self._session.role_arn, self._session.service, self._session.name, home
        )
        environment |= {
            "TRAINING_JOB_NAME": self.job,
            "TRAINING_JOB_ARN": f"arn:aws:sagemaker:{self._cloud.region}:{self._cloud.account}:"
            f"training-job/{self.job}",
            "PYTHONUNBUFFERED": "TRUE",  # as in AWS's images: lines must come as they are printed
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",  # it would ask the network about pip itself
            "PET_MASTER_PORT": str(self._master_port),  # torchrun's, where the drivers give none
            "GLOO_SOCKET_IFNAME": NETWORK_INTERFACE,
            # Hosts share this machine: each has its part of the processors.
            "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // self.count)),
        }
        if not self._entrypoint():
            environment |= script_mode.environment(
                self.root.path, self.job, self._values(), self.resources(), self._input_data()
            )
        given = self._parameters.get("Environment") or {}
        return environment | {name: self.root.text(value) for name, value in given.items()}

    def start(self, scraper: MetricScraper) -> None:
        """Start the host's process; its lines go to CloudWatch Logs, their metrics to CloudWatch.

        Raises
        ------
        StorageError
            The job names no program that can run here.
        ProcessStartError
            The program does not start.
        """
        command, cwd = self._entrypoint(), self.root.path
        if not command:
            if not self._values().get("sagemaker_program"):
                raise storage.StorageError(
                    "the local cloud runs the SDK's entry point and script mode; an image's own program is "
                    "not there: give the job a ContainerEntrypoint or the hyperparameter sagemaker_program"
                )
            cwd = self.root.path / "code"
            command = script_mode.command(cwd, self._values())
        stream = f"{self.job}/{self.name}-{int(time.time())}"
        self.process = supervisors(self._cloud).start(
            command, cwd=cwd, env=self._environment(), stdout=subprocess.PIPE
        )
        self._reader = threading.Thread(
            target=self._read, args=(LogStream(self._session, LOG_GROUP, stream), scraper), daemon=True
        )
        self._reader.start()

    def _read(self, log: LogStream, scraper: MetricScraper) -> None:
        found: list[dict[str, Any]] = []
        sent = time.monotonic()
        if self.process and self.process.stdout:
            for line in lines_of(self.process.stdout):
                log.write(line)
                self._last_lines.append(line)
                found += scraper.read(line, f"{self.job}/{self.name}")
                if found and time.monotonic() - sent > METRICS_SECONDS:
                    self._publish(found)
                    found, sent = [], time.monotonic()
            self._ended_at = time.time()
            self.process.stdout.close()
        self._publish(found)
        log.close()

    def _publish(self, found: list[dict[str, Any]]) -> None:
        for start in range(0, len(found), 1000):  # PutMetricData's limit
            try:
                self._session.client("cloudwatch").put_metric_data(
                    Namespace=NAMESPACE, MetricData=found[start : start + 1000]
                )
            except ClientError:
                return  # a role without cloudwatch:PutMetricData trains without graphs, as on AWS

    def finish(self) -> None:
        """Wait until everything that the process said is sent."""
        if self._reader:
            self._reader.join(60)

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
            return self._ended_at

    def close(self) -> None:
        """Remove the channels, which S3 has; keep what explains the job: configuration, scripts, output."""
        for channel in self.channels():
            if channel["ChannelName"] not in SDK_CHANNELS:
                shutil.rmtree(self.root.path / "input/data" / channel["ChannelName"], ignore_errors=True)
        self.root.close()


def host_count(parameters: dict[str, Any]) -> int:
    """Return how many hosts a job asks for."""
    resources = parameters["ResourceConfig"]
    groups = resources.get("InstanceGroups") or []
    return int(resources.get("InstanceCount") or sum(group["InstanceCount"] for group in groups) or 1)
