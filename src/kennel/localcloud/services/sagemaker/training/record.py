"""A training job's record, as moto keeps it and Describe and List show it: statuses, times, metrics."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.clock import Clock

LONGEST_REASON = 1024
MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job interrupted: its Spot capacity was reclaimed",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job waiting and running time exceeded MaxWaitTimeInSeconds provided",
}
FINAL_SECONDARY_STATUSES = ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded")
FINAL_STATUSES = ("Completed", "Failed", "Stopped")


class TrainingRecord:
    """moto's record of a training job, updated as the job runs.

    Parameters
    ----------
    record
        moto's object: its attributes are what DescribeTrainingJob answers.
    parameters : dict
        CreateTrainingJob's: moto drops some of them.
    clock : Clock
        What its times are taken from.
    tuning_job_arn : str
        The tuning job whose trial it is, if it is one.
    """

    def __init__(
        self, record: Any, parameters: dict[str, Any], clock: Clock, tuning_job_arn: str = ""
    ) -> None:
        self.moto, self._clock = record, clock
        record.training_job_status = "InProgress"
        record.training_start_time = record.training_end_time = None
        record.final_metric_data_list = record.failure_reason = None
        record.secondary_status_transitions = []
        record.creation_time = record.last_modified_time = self._clock.now()
        record.algorithm_specification = {**parameters["AlgorithmSpecification"]}
        record.environment = parameters.get("Environment")
        if tuning_job_arn:
            record.tuning_job_arn = tuning_job_arn
        self.move("Starting")

    @property
    def name(self) -> str:
        """The job's name."""
        name: str = self.moto.training_job_name
        return name

    @property
    def status(self) -> str:
        """The job's status."""
        status: str = self.moto.training_job_status
        return status

    @property
    def ended(self) -> bool:
        """Whether the job has ended, in whatever way."""
        return self.status in FINAL_STATUSES

    def stopping(self) -> None:
        """Set the status of a job that is asked to end."""
        if not self.ended:
            self.moto.training_job_status = "Stopping"

    def training(self) -> None:
        """Set the status of a job whose hosts run; training started the first time."""
        self.move("Training")
        self.moto.training_start_time = self.moto.training_start_time or self._clock.now()

    def move(self, status: str, message: str = "") -> None:
        """Change to a secondary status."""
        record, now = self.moto, self._clock.now()
        transitions = [dict(transition) for transition in record.secondary_status_transitions]
        if transitions and "EndTime" not in transitions[-1]:
            transitions[-1]["EndTime"] = now
        entry = {"Status": status, "StartTime": now, "StatusMessage": message or MESSAGES[status]}
        if status in FINAL_SECONDARY_STATUSES:
            entry["EndTime"] = now
        record.secondary_status_transitions = [*transitions, entry]
        record.secondary_status, record.last_modified_time = status, now

    def metrics(self, final: list[dict[str, Any]]) -> None:
        """Set the last value of each metric."""
        self.moto.final_metric_data_list = final or None

    def end(self, status: str, secondary: str, reason: str, spot_seconds: float | None) -> None:
        """Close the record.

        Parameters
        ----------
        status, secondary
            The last ones.
        reason
            Of a failure.
        spot_seconds
            For how long a managed spot job's hosts ran, which is what is billed; None for another job.
            (On AWS the bill is lower still, by the Spot discount; there are no prices here.)
        """
        record = self.moto
        record.failure_reason = reason[:LONGEST_REASON] or None
        record.training_end_time = self._clock.now()
        started = record.training_start_time or record.training_end_time
        seconds = max(1, round((record.training_end_time - started).total_seconds()))
        record.training_time_in_seconds = seconds
        billed = seconds if spot_seconds is None else max(1, round(spot_seconds))
        record.billable_time_in_seconds = min(seconds, billed)
        self.move(secondary, reason[:LONGEST_REASON])
        record.training_job_status = status  # last: whoever waits for it may rely on the rest
