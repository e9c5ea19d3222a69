"""A training job's life: its hosts prepared, run, watched, stopped, and what they made uploaded."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.plane import storage
from kennel.localcloud.plane.roles import RoleSession, in_words
from kennel.localcloud.plane.training_host import TrainingHost, host_count
from kennel.localcloud.plane.training_metrics import MetricScraper
from kennel.localcloud.ward import WardError

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud

log = logging.getLogger(__name__)

STOP_GRACE = 120.0  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
POLL_SECONDS = 0.1
CHECKPOINT_SECONDS = 5.0
LONGEST_REASON = 1024
MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}

ENDS = ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded")


class TrainingError(Exception):
    """The job failed; the text is its FailureReason."""


class TrainingJob:
    """A job that really runs. moto's own record of it is kept true, so Describe and List need nothing else.

    Parameters
    ----------
    cloud, session
        The local cloud, and the training role's clients.
    record
        moto's record of the job.
    parameters : dict
        CreateTrainingJob's.
    """

    def __init__(self, cloud: Cloud, session: RoleSession, record: Any, parameters: dict[str, Any]) -> None:
        self._cloud, self._session = cloud, session
        self.record, self.parameters = record, parameters
        self._stop = threading.Event()
        self._scraper = MetricScraper(parameters["AlgorithmSpecification"].get("MetricDefinitions") or [])
        self._hosts: list[TrainingHost] = []
        self._checkpoints: list[storage.FolderSync] = []
        self._limit_reached = False
        now = datetime.now(UTC)
        record.training_job_status, record.training_end_time, record.training_start_time = (
            "InProgress",
            None,
            None,
        )
        record.final_metric_data_list = None
        record.secondary_status_transitions = []
        record.creation_time = record.last_modified_time = now
        algorithm = {**parameters["AlgorithmSpecification"]}
        record.algorithm_specification = algorithm
        record.environment = parameters.get("Environment")
        record.failure_reason = None
        self._move("Starting")
        self._thread = threading.Thread(target=self._run, name=f"job {record.training_job_name}", daemon=True)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether the job has ended, in whatever way."""
        return self.record.training_job_status in ("Completed", "Failed", "Stopped")

    def stop(self) -> None:
        """Ask the job to end: its processes get SIGTERM, and two minutes; what they leave is uploaded."""
        if not self.over:
            self.record.training_job_status = "Stopping"
            self._stop.set()

    def _run(self) -> None:
        reason = ""
        try:
            self._prepare()
            self._train()
            self._upload()
        except TrainingError as failed:
            reason = str(failed)
        except (ClientError, ServiceException, storage.StorageError, OSError, WardError) as error:
            reason = f"ClientError: {_words(error)}"
        except Exception as error:  # a fault of the local cloud must not leave the job InProgress
            log.exception("training job %s", self.record.training_job_name)
            reason = f"InternalServerError: the local cloud failed: {error!r}. Its log says more."
        finally:
            for host in self._hosts:
                if host.process:
                    host.process.kill()
                host.close()
        self._end(reason)

    def _prepare(self) -> None:
        name, port = self.record.training_job_name, _free_port()
        folder = self._cloud.directory / "jobs" / name
        shutil.rmtree(folder, ignore_errors=True)
        self._move("Downloading")
        for index in range(host_count(self.parameters)):
            host = TrainingHost(
                self._cloud, self._session, self.parameters, index, port, folder / f"algo-{index + 1}"
            )
            self._hosts.append(host)
            if self._stop.is_set():
                return
            try:
                host.configure()
                host.download(self._hosts[0] if index else None)
                self._fetch_checkpoints(host)
            except (ClientError, storage.StorageError, OSError) as error:
                raise TrainingError(f"ClientError: Data download failed:{_words(error)}") from error

    def _fetch_checkpoints(self, host: TrainingHost) -> None:
        configuration = self.parameters.get("CheckpointConfig")
        if configuration:
            local = host.root.local(configuration.get("LocalPath") or "/opt/ml/checkpoints")
            local.mkdir(parents=True, exist_ok=True)
            sync = storage.FolderSync(self._session.client("s3"), local, configuration["S3Uri"])
            sync.download()
            self._checkpoints.append(sync)

    def _train(self) -> None:
        if self._stop.is_set():
            return
        self._move("Training")
        started = time.monotonic()
        self.record.training_start_time = datetime.now(UTC)
        try:
            for host in self._hosts:
                host.start(self._scraper)
        except WardError as error:
            raise TrainingError(f"AlgorithmError: {error}") from error
        failed = self._watch(started)
        for host in self._hosts:
            host.finish()
        for sync in self._checkpoints:
            sync.upload()
        if failed:
            raise TrainingError(_algorithm_error(failed))

    def _watch(self, started: float) -> TrainingHost | None:
        """Wait until every host is done; return the first that failed by itself."""
        limit = (self.parameters.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 86400)
        ending, failed, synced = False, None, time.monotonic()
        while alive := [host for host in self._hosts if host.process and host.process.poll() is None]:
            self._limit_reached = self._limit_reached or time.monotonic() - started > limit
            if not ending and (self._stop.is_set() or self._limit_reached):
                ending = True
                self._move("Stopping")
                for host in alive:
                    if host.process:
                        host.process.terminate(STOP_GRACE)
            failed = failed or (None if ending else self._failed_host())
            if failed:
                for host in alive:
                    if host.process:
                        host.process.kill()  # without one host the others wait for it forever
            if time.monotonic() - synced > CHECKPOINT_SECONDS:
                for sync in self._checkpoints:
                    sync.upload()
                synced = time.monotonic()
            self.record.final_metric_data_list = self._scraper.final() or None
            alive[0].process.wait(POLL_SECONDS) if alive[0].process else None
        return failed or (None if ending else self._failed_host())

    def _failed_host(self) -> TrainingHost | None:
        return next((host for host in self._hosts if host.process and host.process.poll()), None)

    def _upload(self) -> None:
        if not self._hosts or not self._hosts[0].process:
            return  # stopped before it ran
        self._move("Uploading")
        s3, output = self._session.client("s3"), self.parameters["OutputDataConfig"]
        key = output.get("KmsKeyId") or None
        base = f"{output['S3OutputPath'].rstrip('/')}/{self.record.training_job_name}/output"
        # Every host may write; the first one's file counts where two have the same.
        models = [host.root.path / "model" for host in reversed(self._hosts)]
        data = [host.root.path / "output/data" for host in reversed(self._hosts)]
        try:
            if not self._stop.is_set() or any(any(folder.iterdir()) for folder in models):
                storage.upload_archive(s3, models, f"{base}/model.tar.gz", key)
            if any(any(folder.iterdir()) for folder in data):
                storage.upload_archive(s3, data, f"{base}/output.tar.gz", key)
        except (ClientError, OSError) as error:
            raise TrainingError(f"ClientError: Artifact upload failed:{_words(error)}") from error
        self.record.model_artifacts = {"S3ModelArtifacts": f"{base}/model.tar.gz"}

    def _end(self, reason: str) -> None:
        record = self.record
        stopped = self._stop.is_set() or self._limit_reached
        status = "Failed" if reason else "Stopped" if stopped else "Completed"
        record.final_metric_data_list = self._scraper.final() or None
        record.failure_reason = reason[:LONGEST_REASON] or None
        record.training_end_time = datetime.now(UTC)
        begun = record.training_start_time or record.training_end_time
        seconds = max(1, round((record.training_end_time - begun).total_seconds()))
        record.training_time_in_seconds = record.billable_time_in_seconds = seconds
        limited = self._limit_reached and not reason and not self._stop.is_set()
        self._move("MaxRuntimeExceeded" if limited else status, reason[:LONGEST_REASON])
        record.training_job_status = status  # last: who waits for it may rely on the rest

    def _move(self, status: str, message: str = "") -> None:
        """Enter a secondary status."""
        record, now = self.record, datetime.now(UTC)
        transitions = [dict(transition) for transition in record.secondary_status_transitions]
        if transitions and "EndTime" not in transitions[-1]:
            transitions[-1]["EndTime"] = now
        entry = {"Status": status, "StartTime": now, "StatusMessage": message or MESSAGES[status]}
        if status in ENDS:
            entry["EndTime"] = now
        record.secondary_status_transitions = [*transitions, entry]
        record.secondary_status, record.last_modified_time = status, now


def _words(error: Exception) -> str:
    if isinstance(error, ClientError):
        return in_words(error)
    if isinstance(error, ServiceException):
        return f"{error.code}: {error.message}"
    return str(error)


def _algorithm_error(host: TrainingHost) -> str:
    status = host.process.poll() if host.process else None
    # A process that died of a signal is what a shell, and so AWS, reports as 128 + the signal.
    code = 128 - status if status is not None and status < 0 else status
    ending = f", exit code: {code}"
    text = host.failure() or "Please look at the stack trace for more details."
    room = LONGEST_REASON - len(ending) - len("AlgorithmError: ")
    return f"AlgorithmError: {text[-room:]}{ending}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
