"""Training jobs side by side: the settings that differ, and the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kennel.aws import StackError, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import best, hosts, jobs
from kennel.aws.training.modelfile import metrics_of


@dataclass(frozen=True)
class Training:
    """A training with its settings and its metrics.

    Parameters
    ----------
    name
        Of the training job; for a tuning job, of its best trial.
    settings
        Hyperparameters, and where and on what it ran.
    """

    name: str
    status: str
    settings: dict[str, str]
    metrics: dict[str, float]


def trainings(stack: Stack, names: list[str]) -> list[Training]:
    """Return trainings by the names of their jobs; of a tuning job its best trial.

    Raises
    ------
    StackError
        A job is absent or no training, or no trial of a tuning job has completed.
    """
    return [_training(stack, name) for name in names]


def differing(compared: list[Training]) -> dict[str, list[str | None]]:
    """Return the settings that are not the same in all trainings, each with its values in their order."""
    names = sorted({name for training in compared for name in training.settings})
    values = {name: [training.settings.get(name) for training in compared] for name in names}
    return {name: row for name, row in values.items() if len(set(row)) > 1}


def metrics(compared: list[Training]) -> dict[str, list[float | None]]:
    """Return the metrics that any training has, each with its values in their order."""
    names = sorted({name for training in compared for name in training.metrics})
    return {name: [training.metrics.get(name) for training in compared] for name in names}


def _training(stack: Stack, name: str) -> Training:
    if record := hosts.record_of(stack, name):
        settings = {"instance": str(record["instance"])}
        return Training(name, str(record["status"]), settings, _numbers(record["metrics"]))
    type_, described = jobs.find(stack, name)
    if type_ == "tuning":
        trial = described.get("BestTrainingJob")
        if not trial:
            raise StackError(f"no trial of {name} has completed yet: compare it when one has")
        type_, described = jobs.find(stack, trial["TrainingJobName"])
    if type_ != "training":
        raise StackError(f"{name} is a {type_} job: compare takes training and tuning jobs")
    job = jobs.summary(type_, described)
    return Training(job.name, job.status, _settings(described), job.metrics | _archived(described))


def _archived(described: dict[str, Any]) -> dict[str, float]:
    """Return the metrics in the model archive: SageMaker has only those that were printed, rounded."""
    s3 = session.client("s3")
    artifact = (described.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
    if described["TrainingJobStatus"] != "Completed" or not artifact:
        return {}
    try:
        return _numbers(metrics_of(artifact))
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return {}  # it has been deleted since


def _settings(described: dict[str, Any]) -> dict[str, str]:
    hyperparameters = {
        name: best.unquoted(value)
        for name, value in (described.get("HyperParameters") or {}).items()
        if not name.startswith(best.PLATFORM_PREFIXES)
    }
    resources = described.get("ResourceConfig") or {}
    channels = {
        f"channel {channel['ChannelName']}": channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in described.get("InputDataConfig") or []
        if "S3DataSource" in channel["DataSource"] and channel["ChannelName"] not in ("code", "sm_drivers")
    }
    return {
        **hyperparameters,
        **channels,
        "instances": str(resources.get("InstanceCount", "")),
        "instance type": str(resources.get("InstanceType", "")),
        "spot": str(bool(described.get("EnableManagedSpotTraining"))).lower(),
    }


def _numbers(document: dict[str, Any]) -> dict[str, float]:
    numeric = {name: value for name, value in document.items() if isinstance(value, int | float)}
    return {name: round(value, 6) for name, value in numeric.items() if not isinstance(value, bool)}
