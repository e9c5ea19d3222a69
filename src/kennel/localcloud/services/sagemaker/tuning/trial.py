"""One trial of a tuning job: a training job, and its objective so far."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.services.sagemaker.training.api import launch
from kennel.localcloud.services.sagemaker.training.script_mode import TUNING_OBJECTIVE
from kennel.localcloud.services.sagemaker.tuning.observation import Observation, Values

# What a trial's CreateTrainingJob takes from its tuning job's definition as it is.
INHERITED = (
    "AlgorithmSpecification",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "EnableNetworkIsolation",
    "Environment",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "RoleArn",
    "StoppingCondition",
    "VpcConfig",
)


class TuningTrial:
    """A trial, from its start.

    Parameters
    ----------
    cloud, session, backend
        The local cloud, the training role's clients, moto's backend that keeps the record.
    tuning_job
        moto's record of the tuning job.
    number
        From 1.
    values
        The tuned hyperparameters.

    Attributes
    ----------
    sign : float
        A loss is `sign` times the objective: 1 if that is to be minimised, -1 if it is to be maximised.
    """

    def __init__(
        self,
        cloud: Cloud,
        session: RoleSession,
        backend: Any,
        tuning_job: Any,
        number: int,
        values: Values,
    ) -> None:
        self.values, self._definition = values, tuning_job.training_job_definition
        self._objective = tuning_job.hyper_parameter_tuning_job_config["HyperParameterTuningJobObjective"]
        self.sign = -1.0 if self._objective["Type"] == "Maximize" else 1.0
        name = f"{tuning_job.hyper_parameter_tuning_job_name}-{number:03}-{uuid.uuid4().hex[:8]}"
        self._stopped = False
        self._job = launch(
            cloud,
            session,
            backend,
            # SageMaker gives a tuning job's tags to the training jobs that it launches.
            {**parameters(name, self._definition, values), "Tags": deepcopy(tuning_job.tags)},
            tuning_job.arn,
        )

    @property
    def ended(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._job.record.ended

    @property
    def status(self) -> str:
        """Its training job's status."""
        return self._job.record.status

    @property
    def failure_reason(self) -> str:
        """Why its training job failed; empty if it did not."""
        return self._job.record.moto.failure_reason or ""

    @property
    def ended_at(self) -> datetime:
        """When it ended; only for one that has."""
        ended_at: datetime = self._job.record.moto.training_end_time
        return ended_at

    def losses(self) -> list[float]:
        """Return the objective's values so far, the smaller the better."""
        return [self.sign * value for value in self._job.metrics.values(self._objective["MetricName"])]

    def objective(self) -> float | None:
        """Return the objective's last value, as the script printed it; None without any."""
        losses = self.losses()
        return self.sign * losses[-1] if losses else None

    def succeeded(self) -> bool:
        """Whether it has ended and its objective counts."""
        return self.status in ("Completed", "Stopped") and self.objective() is not None

    def observation(self) -> Observation:
        """Return what a search learns from it."""
        if not self.ended:
            return Observation(self.values, None)
        return Observation(self.values, self.losses()[-1] if self.succeeded() else math.inf)

    def stop(self) -> None:
        """Stop its training job, if it runs and is not being stopped already."""
        if not self._stopped and not self.ended:
            self._stopped = True
            self._job.stop()

    def interrupt(self) -> None:
        """End its training job, which ran when the local cloud ended, unless it had ended."""
        self._job.interrupt()

    def summary(self) -> dict[str, Any]:
        """Return it as BestTrainingJob and ListTrainingJobsForHyperParameterTuningJob show it."""
        record, value = self._job.record.moto, self.objective()
        members = {
            "TrainingJobDefinitionName": self._definition.get("DefinitionName"),
            "TrainingJobName": record.training_job_name,
            "TrainingJobArn": record.arn,
            "CreationTime": record.creation_time,
            "TrainingStartTime": record.training_start_time,
            "TrainingEndTime": record.training_end_time,
            "TrainingJobStatus": record.training_job_status,
            "TunedHyperParameters": self.values,
            "FailureReason": record.failure_reason,
            "ObjectiveStatus": "Succeeded" if self.succeeded() else "Failed" if self.ended else "Pending",
        }
        if value is not None and self.ended:
            members["FinalHyperParameterTuningJobObjectiveMetric"] = {**self._objective, "Value": value}
        return {name: member for name, member in members.items() if member is not None}


def parameters(name: str, definition: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return CreateTrainingJob's parameters for a trial.

    Parameters
    ----------
    name
        The trial's training job.
    definition
        The tuning job's ``TrainingJobDefinition``.
    values
        The tuned hyperparameters.
    """
    request = {key: deepcopy(definition[key]) for key in INHERITED if definition.get(key) is not None}
    request |= {
        "TrainingJobName": name,
        "HyperParameters": {**(definition.get("StaticHyperParameters") or {}), **values},
    }
    resources = definition.get("HyperParameterTuningResourceConfig")
    if resources and "ResourceConfig" not in request:
        first, *_ = resources.get("InstanceConfigs") or [resources]
        shared = {key: resources[key] for key in ("VolumeSizeInGB", "VolumeKmsKeyId") if resources.get(key)}
        request["ResourceConfig"] = {**shared, **first}
    checkpoints = definition.get("CheckpointConfig")
    if checkpoints:  # trials must not continue each other's
        request["CheckpointConfig"] = {
            **checkpoints,
            "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}",
        }
    return request


def with_objective(definition: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """Return a definition whose trials get their objective's name as a hyperparameter, as on SageMaker."""
    static = {**(definition.get("StaticHyperParameters") or {}), TUNING_OBJECTIVE: metric}
    return {**definition, "StaticHyperParameters": static}
