"""One host of a processing job: its `/opt/ml/processing`, its process and its output.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
import shutil
from collections import deque
from pathlib import Path
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import container_paths, storage
from kennel.localcloud.runtime.logs import LogStream
from kennel.localcloud.runtime.opt_ml import ContainerRoot
from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.runtime.workload import PYTHON, Workload, temporary_folder
from kennel.localcloud.services.sagemaker.training.container_files import host_name

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
FOLDERS = ("config", "processing", "output", "home")
LAST_LINES = 12


def inputs_of(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the S3 inputs that SageMaker downloads."""
    return [
        each["S3Input"]
        for each in parameters.get("ProcessingInputs") or []
        if each.get("S3Input") and not each.get("AppManaged")
    ]


def outputs_of(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the S3 outputs that SageMaker uploads."""
    outputs = (parameters.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    return [each["S3Output"] for each in outputs if each.get("S3Output") and not each.get("AppManaged")]


class ProcessingHost:
    """A host, named as SageMaker names it.

    Parameters
    ----------
    cloud, session, parameters
        The local cloud, the job's role, and CreateProcessingJob's parameters.
    host
        Its index, from 0, and the number of hosts.
    folder
        Its `/opt/ml`.
    """

    def __init__(
        self,
        cloud: Cloud,
        session: RoleSession,
        parameters: dict[str, Any],
        host: tuple[int, int],
        folder: Path,
    ) -> None:
        self._session, self._parameters, self._host = session, parameters, host
        self.root = ContainerRoot(folder, temporary_folder(cloud))
        for inside in FOLDERS:
            (self.root.path / inside).mkdir(parents=True, exist_ok=True)
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._arn = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:processing-job/{self._job}"
        stream = f"{self._job}/{host_name(host[0])}-{int(cloud.clock.time())}"
        log = LogStream(session, LOG_GROUP, stream)
        self.workload = Workload(cloud, session, log, self.last_lines.append)
        self._synced: list[storage.FolderSync] = []

    @property
    def _job(self) -> str:
        name: str = self._parameters["ProcessingJobName"]
        return name

    def prepare(self) -> None:
        """Write the configuration, fetch the inputs, and make the outputs' folders.

        Raises
        ------
        StorageError, ClientError
            An input is not there, or the role may not read it.
        """
        hosts = [host_name(number) for number in range(self._host[1])]
        resources = {"current_host": host_name(self._host[0]), "hosts": hosts}
        document = json.dumps(self._parameters, default=str)
        config = self.root.path / "config"
        (config / "processingjobconfig.json").write_text(self.root.text(document), encoding="utf-8")
        (config / "resourceconfig.json").write_text(json.dumps(resources), encoding="utf-8")
        s3 = self._session.client("s3")
        for source in inputs_of(self._parameters):
            self._fetch(s3, source)
        for word in self._command():
            folder = Path(word).parent
            if folder.is_relative_to(self.root.path / "processing"):
                self.root.rewrite(folder)
        key_id = (self._parameters.get("ProcessingOutputConfig") or {}).get("KmsKeyId")
        for target in outputs_of(self._parameters):
            local = self.root.local(target["LocalPath"])
            local.mkdir(parents=True, exist_ok=True)
            if target["S3UploadMode"] == "Continuous":
                self._synced.append(storage.FolderSync(s3, local, target["S3Uri"], key_id))

    def _fetch(self, s3: Any, source: dict[str, Any]) -> None:
        share = self._host if source.get("S3DataDistributionType") == "ShardedByS3Key" else (0, 1)
        local, uri = self.root.local(source["LocalPath"]), source["S3Uri"]
        manifest = source.get("S3DataType") == "ManifestFile"
        objects = (storage.download_manifest if manifest else storage.download)(s3, uri, local, share)
        if not objects:
            raise storage.StorageError(f'No S3 objects found under S3 URL "{uri}".')

    def _command(self) -> list[str]:
        application = self._parameters["AppSpecification"]
        words = [*application["ContainerEntrypoint"], *(application.get("ContainerArguments") or [])]
        return [self.root.text(word) for word in words]

    def start(self) -> None:
        """Start the program.

        Raises
        ------
        ProcessStartError
            It does not start.
        """
        variables = self._parameters.get("Environment") or {}
        isolated = bool((self._parameters.get("NetworkConfig") or {}).get("EnableNetworkIsolation"))
        environment = self.workload.environment(self.root.path / "home", isolated=isolated) | {
            "PROCESSING_JOB_NAME": self._job,
            "PROCESSING_JOB_ARN": self._arn,
            "PYTHONUNBUFFERED": "TRUE",
            container_paths.ROOT: str(self.root.path),
            **{name: self.root.text(value) for name, value in variables.items()},
        }
        self.workload.start(self._command(), cwd=self.root.path, env=environment)

    def synchronise(self) -> None:
        """Upload what is new in the outputs that are uploaded while the job runs."""
        for sync in self._synced:
            sync.upload()

    def upload(self) -> None:
        """Upload the outputs at the end of the job."""
        self.synchronise()
        s3, config = self._session.client("s3"), self._parameters.get("ProcessingOutputConfig") or {}
        for target in outputs_of(self._parameters):
            if target["S3UploadMode"] != "Continuous":
                local = self.root.local(target["LocalPath"])
                storage.upload_folders(s3, [local], target["S3Uri"], config.get("KmsKeyId"))

    def message(self) -> str:
        """Return what the program wrote to `/opt/ml/output/message`; empty without it."""
        path = self.root.path / "output/message"
        return path.read_text(errors="replace").strip() if path.is_file() else ""

    def finish(self) -> None:
        """End what still runs, and wait until everything that it printed is sent."""
        self.workload.close()

    def close(self) -> None:
        """End it; remove what it read and installed, keep configuration and output."""
        self.finish()
        shutil.rmtree(self.root.path / "home" / PYTHON, ignore_errors=True)
        for source in inputs_of(self._parameters):
            shutil.rmtree(self.root.local(source["LocalPath"]), ignore_errors=True)
        self.root.close()
