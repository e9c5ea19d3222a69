"""A training job's life: hosts are prepared, run, watched and stopped, and their model is uploaded."""

from __future__ import annotations

import logging
import math
import shutil
import threading
import time
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.ports import free_port
from kennel.localcloud.runtime.role_session import RoleSession, error_text
from kennel.localcloud.runtime.supervisor import ProcessStartError
from kennel.localcloud.services.sagemaker.training import job_folders
from kennel.localcloud.services.sagemaker.training.container_files import host_count, host_name
from kennel.localcloud.services.sagemaker.training.host import TrainingHost
from kennel.localcloud.services.sagemaker.training.metric_scraper import MetricScraper
from kennel.localcloud.services.sagemaker.training.record import LONGEST_REASON, TrainingRecord

log = logging.getLogger(__name__)

STOP_GRACE = 120.0  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
POLL_SECONDS = 0.1
CHECKPOINT_SECONDS = 5.0
# How long the other hosts run on after one has failed: the launcher of the host that failed first may take
# longer to report its reason than other hosts take to fail over the lost connection.
FAILURE_REPORT_SECONDS = 3.0


INTERRUPTED = (
    "InternalServerError: the local cloud ended while this job ran, and the job with it. Start it again."
)


class TrainingJobError(Exception):
    """The job failed; the text is its FailureReason."""


class TrainingJob:
    """A job that really runs.

    A managed spot job whose hosts are reclaimed starts again on new ones, with the checkpoints that S3 has.

    Parameters
    ----------
    cloud, session
        The local cloud, and the training role's clients.
    record
        What Describe and List show.
    parameters : dict
        CreateTrainingJob's.
    """

    def __init__(
        self, cloud: Cloud, session: RoleSession, record: TrainingRecord, parameters: dict[str, Any]
    ) -> None:
        self._cloud, self._session = cloud, session
        self.record, self.parameters = record, parameters
        self.metrics = MetricScraper(parameters["AlgorithmSpecification"].get("MetricDefinitions") or [])
        self._stop = threading.Event()
        self._notice: float | None = None  # seconds that the hosts have left, once they are reclaimed
        self._hosts: list[TrainingHost] = []
        self._checkpoints: list[storage.FolderSync] = []
        self._limit = ""  # the secondary status of a limit that was passed
        # Of a process that trains the time limits are real; what is billed is reckoned as the record's times.
        self._created, self._ran, self._billed = time.monotonic(), 0.0, 0.0
        self._thread = threading.Thread(target=self._run, name=f"job {record.name}", daemon=True)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._cloud, self._session, self.record, self.parameters, self.metrics)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    @property
    def spot(self) -> bool:
        """Whether its hosts may be reclaimed."""
        return bool(self.parameters.get("EnableManagedSpotTraining"))

    def interrupt(self) -> None:
        """End a job that ran when the local cloud ended; nothing happens to one that has ended."""
        if not self.record.ended:
            stopping = self.record.status == "Stopping"
            status, reason = ("Stopped", "") if stopping else ("Failed", INTERRUPTED)
            self.record.end(status, status, reason, None)

    def stop(self) -> None:
        """Ask the job to end: SIGTERM, two minutes later SIGKILL; what there is of a model is uploaded."""
        self.record.stopping()
        self._stop.set()

    def reclaim(self, notice: float) -> None:
        """Reclaim the hosts: SIGTERM now, SIGKILL after ``notice`` seconds (0: at once, without SIGTERM)."""
        self._notice = notice

    def _run(self) -> None:
        reason = ""
        try:
            while not self._run_once():
                self.record.move("Starting")
            self._upload()
        except TrainingJobError as failed:
            reason = str(failed)
        except (ClientError, ServiceException, storage.StorageError, OSError, ProcessStartError) as error:
            reason = f"ClientError: {error_text(error)}"
        except Exception as error:  # a fault of the local cloud must not leave the job InProgress
            log.exception("training job %s", self.record.name)
            reason = f"InternalServerError: the local cloud failed: {error!r}. Its log says more."
        finally:
            self._release_hosts()
        self.record.metrics(self.metrics.final())
        stopped = self._stop.is_set() or self._limit
        status = "Failed" if reason else "Stopped" if stopped else "Completed"
        limited = self._limit and not reason and not self._stop.is_set()
        self.record.end(
            status, self._limit if limited else status, reason, self._billed if self.spot else None
        )
        self._cloud.changes.note()
        job_folders.clean_up(self._cloud.regional_directory, self.record.name)

    def _run_once(self) -> bool:
        """Prepare hosts and train on them; return False if they were reclaimed before the end."""
        self._notice = None
        self._prepare()
        if self._stop.is_set():
            return True
        began, billed_from = time.monotonic(), self._cloud.clock.monotonic()
        try:
            self._train()
        finally:
            self._ran += time.monotonic() - began
            self._billed += self._cloud.clock.monotonic() - billed_from
        interrupted = self._notice is not None and not self._stop.is_set() and not self._limit
        failed = [] if self._ending() else self._failed_hosts()
        for host in self._hosts:
            host.finish()
        if not (interrupted and self._notice == 0):  # hosts that ended without notice upload nothing more
            for sync in self._checkpoints:
                sync.upload()
        if interrupted:
            self.record.move("Interrupted")
            self._release_hosts()
            return False
        if failed:
            # A failed host makes the others fail; the first to write a reason, or else to end, is the cause.
            raise TrainingJobError(_algorithm_error(min(failed, key=lambda host: host.failed_at())))
        return True

    def _prepare(self) -> None:
        port = free_port()
        folder = job_folders.folder(self._cloud.regional_directory, self.record.name)
        shutil.rmtree(folder, ignore_errors=True)
        self.record.move("Downloading")
        for index in range(host_count(self.parameters)):
            root = folder / host_name(index)
            host = TrainingHost(self._cloud, self._session, self.parameters, self.metrics, index, port, root)
            self._hosts.append(host)
            if self._stop.is_set():
                return
            try:
                host.configure()
                host.download(self._hosts[0] if index else None)
                self._fetch_checkpoints(host)
            except (ClientError, storage.StorageError, OSError) as error:
                raise TrainingJobError(f"ClientError: Data download failed:{error_text(error)}") from error

    def _fetch_checkpoints(self, host: TrainingHost) -> None:
        configuration = self.parameters.get("CheckpointConfig")
        if configuration:
            local = host.root.local(configuration.get("LocalPath") or "/opt/ml/checkpoints")
            local.mkdir(parents=True, exist_ok=True)
            sync = storage.FolderSync(self._session.client("s3"), local, configuration["S3Uri"])
            sync.download()
            self._checkpoints.append(sync)

    def _train(self) -> None:
        """Run the hosts until all are done."""
        self.record.training()
        try:
            for host in self._hosts:
                host.start()
        except ProcessStartError as error:
            raise TrainingJobError(f"AlgorithmError: {error}") from error
        began = uploaded = time.monotonic()
        ended_early, failed_at = False, math.inf
        while alive := [host for host in self._hosts if host.workload.alive]:
            self._limit = self._limit or self._passed_limit(time.monotonic() - began)
            if self._ending() and not ended_early:
                ended_early = True
                self._end_early(alive)
            elif not ended_early and self._failed_hosts():
                failed_at = min(failed_at, time.monotonic())
                ended_early = time.monotonic() - failed_at > FAILURE_REPORT_SECONDS
                if ended_early:
                    self._terminate(alive, 0)  # without one host the others wait for it forever
            if time.monotonic() - uploaded > CHECKPOINT_SECONDS:
                for sync in self._checkpoints:
                    sync.upload()
                uploaded = time.monotonic()
            self.record.metrics(self.metrics.final())
            alive[0].workload.wait(POLL_SECONDS)

    def _ending(self) -> bool:
        """Whether the hosts are to end, whatever they do."""
        return self._stop.is_set() or bool(self._limit) or self._notice is not None

    def _end_early(self, alive: list[TrainingHost]) -> None:
        if self._stop.is_set() or self._limit:
            self.record.move("Stopping")
            self._terminate(alive, STOP_GRACE)
        else:
            self._terminate(alive, self._notice or 0)

    def _passed_limit(self, running: float) -> str:
        """Return the secondary status of a limit that the job has passed, if it has."""
        limits = self.parameters.get("StoppingCondition") or {}
        waiting = limits.get("MaxWaitTimeInSeconds")
        if waiting and time.monotonic() - self._created > waiting:  # it includes running
            return "MaxWaitTimeExceeded"
        return "MaxRuntimeExceeded" if self._ran + running > limits.get("MaxRuntimeInSeconds", 86400) else ""

    @staticmethod
    def _terminate(hosts: list[TrainingHost], grace: float) -> None:
        for host in hosts:
            host.workload.terminate(grace)

    def _failed_hosts(self) -> list[TrainingHost]:
        return [host for host in self._hosts if host.workload.exit_status]

    def _release_hosts(self) -> None:
        self._terminate(self._hosts, 0)
        for host in self._hosts:
            host.close()
        self._hosts, self._checkpoints = [], []

    def _upload(self) -> None:
        if not self._hosts or not self._hosts[0].workload.started:
            return  # stopped before it ran
        self.record.move("Uploading")
        s3, output = self._session.client("s3"), self.parameters["OutputDataConfig"]
        key = output.get("KmsKeyId") or None
        base = f"{output['S3OutputPath'].rstrip('/')}/{self.record.name}/output"
        packed = output.get("CompressionType") != "NONE"
        # Every host may write; the first one's file counts where two have the same.
        models = [host.root.path / "model" for host in reversed(self._hosts)]
        data = [host.root.path / "output/data" for host in reversed(self._hosts)]
        upload = storage.upload_archive if packed else storage.upload_folders
        model = f"{base}/model.tar.gz" if packed else f"{base}/model/"
        try:
            if not self._stop.is_set() or any(any(folder.iterdir()) for folder in models):
                upload(s3, models, model, key)
            if any(any(folder.iterdir()) for folder in data):
                upload(s3, data, f"{base}/output.tar.gz" if packed else f"{base}/data/", key)
        except (ClientError, OSError) as error:
            raise TrainingJobError(f"ClientError: Artifact upload failed:{error_text(error)}") from error
        self.record.moto.model_artifacts = {"S3ModelArtifacts": model}


def _restored(
    cloud: Cloud,
    session: RoleSession,
    record: TrainingRecord,
    parameters: dict[str, Any],
    metrics: MetricScraper,
) -> TrainingJob:
    """Return a job of a snapshot, which does not run."""
    job = TrainingJob(cloud, session, record, parameters)
    job.metrics = metrics
    return job


def _algorithm_error(host: TrainingHost) -> str:
    status = host.workload.exit_status
    # Of a process that died of a signal a shell, and so AWS, reports 128 + the signal.
    code = 128 - status if status is not None and status < 0 else status
    ending = f", exit code: {code}"
    text = host.failure() or "Please look at the stack trace for more details."
    available = LONGEST_REASON - len(ending) - len("AlgorithmError: ")
    return f"AlgorithmError: {text[-available:]}{ending}"
