"""A tuning job's life: trials chosen, run side by side, given up, counted, and the best one named."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

from kennel.localcloud.services.sagemaker.tuning.search import BayesianSearch, GridSearch, RandomSearch
from kennel.localcloud.services.sagemaker.tuning.stopping import hopeless
from kennel.localcloud.services.sagemaker.tuning.trial import Trial

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud
    from kennel.localcloud.runtime.role_session import RoleSession

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
ENOUGH_FAILURES = 5  # as many trials without an objective as SageMaker waits for before it gives up
OVER = ("Completed", "Failed", "Stopped")
ALL_FAILED = "All training jobs failed. Please take a look at the training jobs failures to get more details."
NO_OBJECTIVE = (
    "No objective metrics found after running {} training jobs. Please ensure that the custom algorithm is "
    "emitting the objective metric as defined by the regular expression provided."
)

Search = RandomSearch | GridSearch


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

    def __init__(self, cloud: Cloud, session: RoleSession, backend: Any, record: Any, search: Search) -> None:
        self._cloud, self._session, self._backend = cloud, session, backend
        self.record, self._search = record, search
        self._configuration = record.hyper_parameter_tuning_job_config
        self.trials: list[Trial] = []
        self._stop = threading.Event()
        self._began = time.monotonic()
        record.hyper_parameter_tuning_job_status = "InProgress"
        record.hyper_parameter_tuning_end_time = record.failure_reason = None
        record.best_training_job = record.OverallBestTrainingJob = None
        record.tuning_job_completion_details = None
        record.creation_time = datetime.now(UTC)
        self._refresh()
        name = record.hyper_parameter_tuning_job_name
        self._thread = threading.Thread(target=self._run, name=f"tuning {name}", daemon=True)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    @property
    def status(self) -> str:
        """The job's status."""
        status: str = self.record.hyper_parameter_tuning_job_status
        return status

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in OVER

    def stop(self) -> None:
        """Ask it to end: no trial starts any more, those that run are stopped."""
        if not self.over:
            self.record.hyper_parameter_tuning_job_status = "Stopping"
            self._stop.set()

    def best(self) -> Trial | None:
        """Return the completed trial with the best objective."""
        completed = [one for one in self.trials if one.status == "Completed" and one.succeeded()]
        return min(completed, key=lambda one: one.losses()[-1], default=None)

    def _run(self) -> None:
        reason = ""
        try:
            reason = self._try()
        except ServiceException as error:
            reason = f"ClientError: {error.code}: {error.message}"
        except Exception as error:  # a fault of the local cloud must not leave the job InProgress
            log.exception("tuning job %s", self.record.hyper_parameter_tuning_job_name)
            reason = f"InternalServerError: the local cloud failed: {error!r}. Its log says more."
        finally:
            self._end_trials()
        self._refresh()
        record = self.record
        record.failure_reason = reason or None
        record.hyper_parameter_tuning_end_time = datetime.now(UTC)
        record.consumed_resources = {"RuntimeInSeconds": round(time.monotonic() - self._began)}
        details = {"NumberOfTrainingJobsObjectiveNotImproving": self._not_improving()}
        record.tuning_job_completion_details = details
        # Last: who waits for it may rely on the rest.
        record.hyper_parameter_tuning_job_status = (
            "Failed" if reason else "Stopped" if self._stop.is_set() else "Completed"
        )

    def _try(self) -> str:
        """Run trials until there are enough; return why that is hopeless, if it is."""
        limits = self._configuration["ResourceLimits"]
        most = limits.get("MaxNumberOfTrainingJobs")
        exhausted = False
        while not (self._stop.is_set() or self._satisfied()):
            running = [one for one in self.trials if not one.over]
            exhausted = exhausted or len(self.trials) == most
            if reason := self._failure(exhausted and not running):
                return reason
            if exhausted and not running:
                break
            if not exhausted and len(running) < limits["MaxParallelTrainingJobs"]:
                values = self._search.next([one.tried() for one in self.trials])
                exhausted = values is None
                if values is not None:
                    self._start_trial(values)
                continue
            self._give_up_hopeless(running)
            self._refresh()
            self._stop.wait(POLL_SECONDS)
        return ""

    def _start_trial(self, values: dict[str, str]) -> None:
        number = len(self.trials) + 1
        self.trials.append(Trial(self._cloud, self._session, self._backend, self.record, number, values))
        self._refresh()

    def _end_trials(self) -> None:
        for one in self.trials:
            one.give_up()
        while not all(one.over for one in self.trials):
            self._refresh()
            time.sleep(POLL_SECONDS)

    def _give_up_hopeless(self, running: list[Trial]) -> None:
        if self._configuration.get("TrainingJobEarlyStoppingType") == "Auto":
            earlier = [one.losses() for one in self.trials if one.over]
            for one in running:
                if hopeless(one.losses(), earlier):
                    one.give_up()

    def _failure(self, all_over: bool) -> str:
        over = [one for one in self.trials if one.over]
        enough = len(over) >= ENOUGH_FAILURES or (all_over and over)
        if not enough or any(one.succeeded() for one in over):
            return ""
        failed = all(one.status == "Failed" for one in over)
        return ALL_FAILED if failed else NO_OBJECTIVE.format(len(over))

    def _satisfied(self) -> bool:
        """Whether a completion criterion or the time limit ends the job early."""
        limit = self._configuration["ResourceLimits"].get("MaxRuntimeInSeconds")
        if limit and time.monotonic() - self._began > limit:
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
        over = sorted(
            (one for one in self.trials if one.over),
            key=lambda one: one.job.record.moto.training_end_time,
        )
        best = self.best()
        return len(over) - 1 - over.index(best) if best in over and best else len(over)

    def _refresh(self) -> None:
        record, trials = self.record, self.trials
        statuses = [one.status for one in trials]
        faults = [one.job.record.moto.failure_reason or "" for one in trials if one.status == "Failed"]
        retryable = sum(fault.startswith("InternalServerError") for fault in faults)
        record.training_job_status_counters = {
            "Completed": statuses.count("Completed"),
            "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
            "RetryableError": retryable,
            "NonRetryableError": len(faults) - retryable,
            "Stopped": statuses.count("Stopped"),
        }
        succeeded, over = sum(one.succeeded() for one in trials), sum(one.over for one in trials)
        counters = {"Succeeded": succeeded, "Pending": len(trials) - over, "Failed": over - succeeded}
        record.objective_status_counters = counters
        record.consumed_resources = {"RuntimeInSeconds": round(time.monotonic() - self._began)}
        best = self.best()
        record.best_training_job = best.summary() if best else None
        record.last_modified_time = datetime.now(UTC)


def search_of(strategy: str, space: Any, seed: int) -> Search:
    """Return the search of a strategy's name."""
    if strategy == "Grid":
        return GridSearch(space)
    return (BayesianSearch if strategy == "Bayesian" else RandomSearch)(space, seed)
