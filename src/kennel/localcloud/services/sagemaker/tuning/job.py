"""A tuning job's life: trials chosen, run side by side, stopped early, counted, and the best one recorded."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
import time
from typing import Any

from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.services.sagemaker.training.job import INTERRUPTED
from kennel.localcloud.services.sagemaker.tuning.early_stopping import worse_than_median
from kennel.localcloud.services.sagemaker.tuning.observation import Values
from kennel.localcloud.services.sagemaker.tuning.remote_search import RemoteSearch
from kennel.localcloud.services.sagemaker.tuning.trial import TuningTrial

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
RUNNING_ONLY = ("_stop", "_thread", "_search", "_started", "_began")  # not kept over a restart
FAILURE_LIMIT = 5  # SageMaker fails a job after as many trials without any objective
FINAL_STATUSES = ("Completed", "Failed", "Stopped")
ALL_FAILED = "All training jobs failed. Please take a look at the training jobs failures to get more details."
NO_OBJECTIVE = (
    "No objective metrics found after running {} training jobs. Please ensure that the custom algorithm is "
    "emitting the objective metric as defined by the regular expression provided."
)


class TuningJob:
    """A tuning job that really runs trials. moto's own record of it is kept true.

    Parameters
    ----------
    cloud, session, backend
        The local cloud, the training role's clients, moto's backend that keeps the records.
    record
        moto's record of the tuning job.
    search
        What chooses the trials.
    """

    def __init__(
        self, cloud: Cloud, session: RoleSession, backend: Any, record: Any, search: RemoteSearch
    ) -> None:
        self._cloud, self._session, self._backend = cloud, session, backend
        self.record, self._search = record, search
        self._configuration = record.hyper_parameter_tuning_job_config
        self.trials: list[TuningTrial] = []
        self._stop = threading.Event()
        self._started, self._began = time.monotonic(), cloud.clock.monotonic()
        record.hyper_parameter_tuning_job_status = "InProgress"
        record.hyper_parameter_tuning_end_time = record.failure_reason = None
        record.best_training_job = record.OverallBestTrainingJob = None
        record.tuning_job_completion_details = None
        record.creation_time = self._cloud.clock.now()
        self._refresh()
        name = record.hyper_parameter_tuning_job_name
        self._thread = threading.Thread(target=self._run, name=f"tuning {name}", daemon=True)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in RUNNING_ONLY}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(
            state,
            _stop=threading.Event(),
            _started=time.monotonic(),
            _began=state["_cloud"].clock.monotonic(),
        )

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    @property
    def status(self) -> str:
        """The job's status."""
        status: str = self.record.hyper_parameter_tuning_job_status
        return status

    @property
    def ended(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in FINAL_STATUSES

    def interrupt(self) -> None:
        """End a job that ran when the local cloud ended; nothing happens to one that has ended."""
        if self.ended:
            return
        stopping, seconds = self.status == "Stopping", self.record.consumed_resources
        for trial in self.trials:
            trial.interrupt()
        self._refresh()
        self.record.consumed_resources = seconds
        self._end("" if stopping else INTERRUPTED, "Stopped" if stopping else "Failed")

    def stop(self) -> None:
        """Ask it to end: no trial starts any more, those that run are stopped."""
        if not self.ended:
            self.record.hyper_parameter_tuning_job_status = "Stopping"
            self._stop.set()

    def best(self) -> TuningTrial | None:
        """Return the completed trial with the best objective."""
        completed = [trial for trial in self.trials if trial.status == "Completed" and trial.succeeded()]
        return min(completed, key=lambda trial: trial.losses()[-1], default=None)

    def _run(self) -> None:
        reason = ""
        try:
            reason = self._run_trials()
        except ServiceException as error:
            reason = f"ClientError: {error.code}: {error.message}"
        except Exception as error:  # a fault of the local cloud must not leave the job InProgress
            log.exception("tuning job %s", self.record.hyper_parameter_tuning_job_name)
            reason = f"InternalServerError: the local cloud failed: {error!r}. Its log says more."
        finally:
            self._search.close()
            self._end_trials()
        self._refresh()
        self._end(reason, "Failed" if reason else "Stopped" if self._stop.is_set() else "Completed")
        self._cloud.changes.note()

    def _end(self, reason: str, status: str) -> None:
        record = self.record
        record.failure_reason = reason or None
        record.hyper_parameter_tuning_end_time = self._cloud.clock.now()
        details = {"NumberOfTrainingJobsObjectiveNotImproving": self._not_improving()}
        record.tuning_job_completion_details = details
        # Last: whoever waits for the status may rely on the rest.
        record.hyper_parameter_tuning_job_status = status

    def _run_trials(self) -> str:
        """Run trials until there are enough; return why the job fails, if it does."""
        limits = self._configuration["ResourceLimits"]
        maximum = limits.get("MaxNumberOfTrainingJobs")
        exhausted = False  # no further trial starts
        suggestion: concurrent.futures.Future[Values | None] | None = None
        while not (self._stop.is_set() or self._complete()):
            running = [trial for trial in self.trials if not trial.ended]
            exhausted = exhausted or len(self.trials) == maximum
            if reason := self._failure(exhausted and not running):
                return reason
            if exhausted and not running:
                break
            if not exhausted and suggestion is None and len(running) < limits["MaxParallelTrainingJobs"]:
                suggestion = self._search.suggest([trial.observation() for trial in self.trials])
            if suggestion and suggestion.done():
                values, suggestion = suggestion.result(), None
                if values is None:
                    exhausted = True
                else:
                    self._start_trial(values)
                continue
            self._stop_early(running)
            self._refresh()
            if suggestion:
                concurrent.futures.wait([suggestion], POLL_SECONDS)
            else:
                self._stop.wait(POLL_SECONDS)
        return ""

    def _start_trial(self, values: Values) -> None:
        number = len(self.trials) + 1
        self.trials.append(
            TuningTrial(self._cloud, self._session, self._backend, self.record, number, values)
        )
        self._refresh()

    def _end_trials(self) -> None:
        for trial in self.trials:
            trial.stop()
        while not all(trial.ended for trial in self.trials):
            self._refresh()
            time.sleep(POLL_SECONDS)

    def _stop_early(self, running: list[TuningTrial]) -> None:
        if self._configuration.get("TrainingJobEarlyStoppingType") == "Auto":
            earlier = [trial.losses() for trial in self.trials if trial.ended]
            for trial in running:
                if worse_than_median(trial.losses(), earlier):
                    trial.stop()

    def _failure(self, all_over: bool) -> str:
        """Return why the job fails, if no trial has had an objective so far."""
        ended = [trial for trial in self.trials if trial.ended]
        enough = len(ended) >= FAILURE_LIMIT or (all_over and ended)
        if not enough or any(trial.succeeded() for trial in ended):
            return ""
        failed = all(trial.status == "Failed" for trial in ended)
        return ALL_FAILED if failed else NO_OBJECTIVE.format(len(ended))

    def _complete(self) -> bool:
        """Whether a completion criterion or the time limit ends the job early."""
        limit = self._configuration["ResourceLimits"].get("MaxRuntimeInSeconds")
        if limit and time.monotonic() - self._started > limit:
            return True
        criteria = self._configuration.get("TuningJobCompletionCriteria") or {}
        target, best = criteria.get("TargetObjectiveMetricValue"), self.best()
        if target is not None and best and best.losses()[-1] <= best.sign * target:
            return True
        patience = (criteria.get("BestObjectiveNotImproving") or {}).get(
            "MaxNumberOfTrainingJobsNotImproving"
        )
        return patience is not None and self._not_improving() >= patience

    def _not_improving(self) -> int:
        """Return how many trials have ended since the best one."""
        ended = sorted((trial for trial in self.trials if trial.ended), key=lambda trial: trial.ended_at)
        best = self.best()
        return len(ended) - 1 - ended.index(best) if best in ended and best else len(ended)

    def _refresh(self) -> None:
        """Write the counters and the best trial into moto's record."""
        record, trials = self.record, self.trials
        statuses = [trial.status for trial in trials]
        faults = [trial.failure_reason for trial in trials if trial.status == "Failed"]
        retryable = sum(fault.startswith("InternalServerError") for fault in faults)
        record.training_job_status_counters = {
            "Completed": statuses.count("Completed"),
            "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
            "RetryableError": retryable,
            "NonRetryableError": len(faults) - retryable,
            "Stopped": statuses.count("Stopped"),
        }
        succeeded, ended = sum(trial.succeeded() for trial in trials), sum(trial.ended for trial in trials)
        counters = {"Succeeded": succeeded, "Pending": len(trials) - ended, "Failed": ended - succeeded}
        record.objective_status_counters = counters
        record.consumed_resources = {"RuntimeInSeconds": round(self._cloud.clock.monotonic() - self._began)}
        best = self.best()
        record.best_training_job = best.summary() if best else None
        record.last_modified_time = self._cloud.clock.now()
