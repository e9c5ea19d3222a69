"""A processing job's life: hosts are prepared, run, watched and stopped, and their outputs are uploaded."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.role_session import RoleSession, error_text
from kennel.localcloud.runtime.supervisor import ProcessStartError
from kennel.localcloud.services.sagemaker.processing.host import ProcessingHost
from kennel.localcloud.services.sagemaker.training import job_folders
from kennel.localcloud.services.sagemaker.training.container_files import host_name
from kennel.localcloud.services.sagemaker.training.job import INTERRUPTED
from kennel.localcloud.services.sagemaker.training.record import FINAL_STATUSES, LONGEST_REASON

log = logging.getLogger(__name__)

POLL_SECONDS, UPLOAD_SECONDS = 0.1, 5.0
STOP_GRACE = 120.0  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopProcessingJob.html


class ProcessingJobError(Exception):
    """The job failed; the text is its FailureReason."""


class ProcessingJob:
    """A job that really runs.

    Parameters
    ----------
    cloud, session
        The local cloud, and the job's role.
    record
        moto's record of it.
    parameters
        CreateProcessingJob's.
    """

    def __init__(self, cloud: Cloud, session: RoleSession, record: Any, parameters: dict[str, Any]) -> None:
        self._cloud, self._session, self.record, self._parameters = cloud, session, record, parameters
        self._stop = threading.Event()
        self._hosts: list[ProcessingHost] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return ProcessingJob, (self._cloud, self._session, self.record, self._parameters)

    def start(self) -> None:
        """Begin, in the background."""
        record, now = self.record, self._cloud.clock.now()
        record.processing_job_status, record.creation_time, record.last_modified_time = "InProgress", now, now
        record.processing_start_time = record.processing_end_time = None
        record.processing_resources = self._parameters["ProcessingResources"]
        record.environment = self._parameters.get("Environment")
        name = self._parameters["ProcessingJobName"]
        threading.Thread(target=self._run, name=f"processing {name}", daemon=True).start()

    def stop(self) -> None:
        """Ask it to end: SIGTERM, two minutes later SIGKILL."""
        self.record.processing_job_status = "Stopping"
        self._stop.set()

    def interrupt(self) -> None:
        """End a job that ran when the local cloud ended."""
        if self.record.processing_job_status not in FINAL_STATUSES:
            stopping = self.record.processing_job_status == "Stopping"
            self._end("Stopped" if stopping else "Failed", "" if stopping else INTERRUPTED)

    def _run(self) -> None:
        reason, message, name = "", "", self._parameters["ProcessingJobName"]
        try:
            self._prepare()
            self._process()
            message = "\n".join(filter(None, (host.message() for host in self._hosts)))
            if not self._stop.is_set():
                self._upload()
        except ProcessingJobError as failed:
            reason = str(failed)
            message = "\n".join(filter(None, (host.message() for host in self._hosts)))
        except Exception as error:  # a fault of the local cloud must not leave the job InProgress
            log.exception("processing job %s", name)
            reason = f"InternalServerError: the local cloud failed: {error!r}. Its log says more."
        for host in self._hosts:
            host.close()
        status = "Failed" if reason else "Stopped" if self._stop.is_set() else "Completed"
        self.record.exit_message = message[:LONGEST_REASON] or None
        self._end(status, reason)
        self._cloud.changes.note()
        job_folders.clean_up(self._cloud.directory, f"processing-{name}")

    def _end(self, status: str, reason: str) -> None:
        record, now = self.record, self._cloud.clock.now()
        record.failure_reason = reason[:LONGEST_REASON] or None
        record.processing_end_time = record.last_modified_time = now
        record.processing_job_status = status  # last: whoever waits for it may rely on the rest

    def _prepare(self) -> None:
        name = self._parameters["ProcessingJobName"]
        folder = job_folders.folder(self._cloud.directory, f"processing-{name}")
        shutil.rmtree(folder, ignore_errors=True)
        count = self._parameters["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
        for index in range(count):
            root = folder / host_name(index)
            host = ProcessingHost(self._cloud, self._session, self._parameters, (index, count), root)
            self._hosts.append(host)
            try:
                host.prepare()
            except (ClientError, ServiceException, storage.StorageError, OSError, ValueError) as error:
                text = f"ClientError: Data download failed:{error_text(error)}"
                raise ProcessingJobError(text) from error

    def _process(self) -> None:
        """Run the hosts until all are done, one has failed, or the job is stopped."""
        self.record.processing_start_time = self._cloud.clock.now()
        try:
            for host in self._hosts:
                host.start()
        except ProcessStartError as error:
            raise ProcessingJobError(f"AlgorithmError: {error}") from error
        condition = self._parameters.get("StoppingCondition") or {}
        began = uploaded = time.monotonic()
        limit, terminated = began + condition.get("MaxRuntimeInSeconds", 86400), False
        while alive := [host for host in self._hosts if host.workload.alive]:
            if time.monotonic() > limit:
                self._terminate(alive, 0)
                raise ProcessingJobError("ClientError: the job ran longer than MaxRuntimeInSeconds.")
            if self._stop.is_set() and not terminated:
                self._terminate(alive, STOP_GRACE)
                terminated = True
            if any(host.workload.exit_status for host in self._hosts) and not terminated:
                self._terminate(alive, 0)  # without one host the others may wait for it forever
                terminated = True
            if time.monotonic() - uploaded > UPLOAD_SECONDS:
                self._synchronise()
                uploaded = time.monotonic()
            alive[0].workload.wait(POLL_SECONDS)
        failed = [host for host in self._hosts if host.workload.exit_status]
        for host in self._hosts:
            host.finish()
        if failed and not self._stop.is_set():
            first = next((host for host in failed if (host.workload.exit_status or 0) > 0), failed[0])
            text = first.message() or "\n".join(first.last_lines)
            raise ProcessingJobError(
                f"AlgorithmError: See job logs for more information: {text[-800:]}, "
                f"exit code: {first.workload.exit_status}"
            )

    def _synchronise(self) -> None:
        for host in self._hosts:
            try:
                host.synchronise()
            except (ClientError, ServiceException, OSError) as error:
                raise ProcessingJobError(f"ClientError: Upload failed:{error_text(error)}") from error

    def _upload(self) -> None:
        for host in self._hosts:
            try:
                host.upload()
            except (ClientError, ServiceException, OSError) as error:
                raise ProcessingJobError(f"ClientError: Upload failed:{error_text(error)}") from error

    @staticmethod
    def _terminate(hosts: list[ProcessingHost], grace: float) -> None:
        for host in hosts:
            host.workload.terminate(grace)
