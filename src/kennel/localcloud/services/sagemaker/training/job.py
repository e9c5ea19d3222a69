"""A training job's life: its hosts prepared, run, watched, stopped, and what they made uploaded."""

from __future__ import annotations

import logging
import math
import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.runtime import storage
from kennel.localcloud.runtime.role_session import RoleSession, in_words
from kennel.localcloud.runtime.supervisor import ProcessStartError
from kennel.localcloud.services.sagemaker.training.host import TrainingHost, host_count
from kennel.localcloud.services.sagemaker.training.metric_scraper import MetricScraper
from kennel.localcloud.services.sagemaker.training.record import LONGEST_REASON, TrainingRecord

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud

log = logging.getLogger(__name__)

STOP_GRACE = 120.0  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
POLL_SECONDS = 0.1
CHECKPOINT_SECONDS = 5.0
FAREWELL_SECONDS = 3.0  # a launcher takes longer to report than those that miss it take to notice


class TrainingError(Exception):
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
        self._created, self._ran = time.monotonic(), 0.0
        self._thread = threading.Thread(target=self._run, name=f"job {record.name}", daemon=True)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    @property
    def spot(self) -> bool:
        """Whether its hosts may be reclaimed."""
        return bool(self.parameters.get("EnableManagedSpotTraining"))

    def stop(self) -> None:
        """Ask the job to end: its processes get SIGTERM, and two minutes; what they leave is uploaded."""
        self.record.stopping()
        self._stop.set()

    def reclaim(self, notice: float) -> None:
        """Take the hosts away: SIGTERM now, SIGKILL after ``notice`` seconds (0: at once, unannounced)."""
        self._notice = notice

    def _run(self) -> None:
        reason = ""
        try:
            while self._interrupted():
                self.record.move("Starting")
            self._upload()
        except TrainingError as failed:
            reason = str(failed)
        except (ClientError, ServiceException, storage.StorageError, OSError, ProcessStartError) as error:
            reason = f"ClientError: {_words(error)}"
        except Exception as error:  # a fault of the local cloud must not leave the job InProgress
            log.exception("training job %s", self.record.name)
            reason = f"InternalServerError: the local cloud failed: {error!r}. Its log says more."
        finally:
            self._release_hosts()
        self.record.metrics(self.metrics.final())
        stopped = self._stop.is_set() or self._limit
        status = "Failed" if reason else "Stopped" if stopped else "Completed"
        limited = self._limit and not reason and not self._stop.is_set()
        self.record.end(status, self._limit if limited else status, reason, self._ran if self.spot else None)

    def _interrupted(self) -> bool:
        """Prepare hosts and train on them; return whether they were reclaimed before the end."""
        self._notice = None
        self._prepare()
        if self._stop.is_set():
            return False
        began = time.monotonic()
        try:
            self._train()
        finally:
            self._ran += time.monotonic() - began
        interrupted = self._notice is not None and not self._stop.is_set() and not self._limit
        failed = [] if self._ending() else self._failed_hosts()
        for host in self._hosts:
            host.finish()
        if not (interrupted and self._notice == 0):  # of hosts gone unannounced S3 has what it had
            for sync in self._checkpoints:
                sync.upload()
        if interrupted:
            self.record.move("Interrupted")
            self._release_hosts()
            return True
        if failed:
            # One host's end ends the others; the first to say something, or else to go, knows why.
            raise TrainingError(_algorithm_error(min(failed, key=lambda host: host.failed_at())))
        return False

    def _prepare(self) -> None:
        port = _free_port()
        folder = self._cloud.directory / "jobs" / self.record.name
        shutil.rmtree(folder, ignore_errors=True)
        self.record.move("Downloading")
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
        """Run the hosts until all are done."""
        self.record.training()
        try:
            for host in self._hosts:
                host.start(self.metrics)
        except ProcessStartError as error:
            raise TrainingError(f"AlgorithmError: {error}") from error
        began = synced = time.monotonic()
        told, failed_at = False, math.inf
        while alive := [host for host in self._hosts if host.process and host.process.poll() is None]:
            self._limit = self._limit or self._passed_limit(time.monotonic() - began)
            if self._ending() and not told:
                told = True
                self._end_early(alive)
            elif not told and self._failed_hosts():
                failed_at = min(failed_at, time.monotonic())
                told = time.monotonic() - failed_at > FAREWELL_SECONDS
                if told:
                    self._terminate(alive, 0)  # without one host the others wait for it forever
            if time.monotonic() - synced > CHECKPOINT_SECONDS:
                for sync in self._checkpoints:
                    sync.upload()
                synced = time.monotonic()
            self.record.metrics(self.metrics.final())
            alive[0].process.wait(POLL_SECONDS) if alive[0].process else None

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
            if host.process:
                host.process.terminate(grace) if grace else host.process.kill()

    def _failed_hosts(self) -> list[TrainingHost]:
        return [host for host in self._hosts if host.process and host.process.poll()]

    def _release_hosts(self) -> None:
        for host in self._hosts:
            if host.process:
                host.process.kill()
            host.close()
        self._hosts, self._checkpoints = [], []

    def _upload(self) -> None:
        if not self._hosts or not self._hosts[0].process:
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
            raise TrainingError(f"ClientError: Artifact upload failed:{_words(error)}") from error
        self.record.moto.model_artifacts = {"S3ModelArtifacts": model}


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
