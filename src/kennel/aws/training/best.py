"""The best trial of a tuning job: written when the job ends, read by ``train --best-of``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from kennel.aws import StackError, session
from kennel.aws.infrastructure.stack import Stack

# Prefixes of the hyperparameters that SageMaker and its SDK add to a training job's.
PLATFORM_PREFIXES = ("sagemaker_", "_tuning_")
# What trials alone are given: to draw the plots of a trial takes longer than to train its head.
OF_TRIALS = {"plots": "false"}


@dataclass(frozen=True)
class Best:
    """The best trial of a tuning job.

    Parameters
    ----------
    job
        The tuning job.
    trial
        The training job.
    objective, value
        The metric that was tuned for, and the trial's value of it.
    hyperparameters
        All arguments of the training script, the tuned and the fixed ones.
    dataset
        Name of the data set.
    features
        S3 address of the features that the trials read.
    """

    job: str
    trial: str
    objective: str
    value: float
    hyperparameters: dict[str, str]
    dataset: str
    features: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def key(stack: Stack, job: str) -> str:
    """Return the key of the record that the caller writes of a tuning job in the artifact bucket."""
    return f"{stack.uploads}tuning/{job}/best.json"


def write(stack: Stack, best: Best) -> None:
    """Write the record to the artifact bucket."""
    body = (json.dumps(best.as_dict(), indent=2) + "\n").encode()
    session.client("s3").put_object(Bucket=stack["artifact_bucket"], Key=key(stack, best.job), Body=body)


def read(stack: Stack, job: str) -> Best:
    """Return a tuning job's record; if none was written, what SageMaker describes.

    Raises
    ------
    StackError
        There is no such tuning job, or no trial of it has completed.
    """
    s3 = session.client("s3")
    try:
        response = s3.get_object(Bucket=stack["artifact_bucket"], Key=key(stack, job))
    except s3.exceptions.NoSuchKey:
        sagemaker = session.client("sagemaker")
        try:
            described = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
        except sagemaker.exceptions.ResourceNotFound as error:
            raise StackError(f"no tuning job {job!r}: ./kennel tune names its job when it ends") from error
        best = of(described)
        if best is None:
            raise StackError(f"no trial of {job} has completed yet") from None
        return best
    return Best(**json.loads(response["Body"].read()))


def of(described: dict[str, Any]) -> Best | None:
    """Return the best trial in a tuning job's description, if one has completed."""
    trial = described.get("BestTrainingJob")
    if not trial:
        return None
    definition = described["TrainingJobDefinition"]
    metric = trial["FinalHyperParameterTuningJobObjectiveMetric"]
    hyperparameters = definition["StaticHyperParameters"] | trial["TunedHyperParameters"]
    inputs = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in definition["InputDataConfig"]
    }
    return Best(
        job=described["HyperParameterTuningJobName"],
        trial=trial["TrainingJobName"],
        objective=metric["MetricName"],
        value=metric["Value"],
        hyperparameters={
            name: unquoted(value)
            for name, value in hyperparameters.items()
            if not name.startswith(PLATFORM_PREFIXES) and name not in OF_TRIALS
        },
        dataset=inputs["training"].rstrip("/").rpartition("/")[2],
        features=inputs.get("features"),
    )


def unquoted(value: str) -> str:
    """Return a hyperparameter without the JSON quotes that SageMaker's older script mode puts round texts."""
    return str(json.loads(value)) if value.startswith('"') else value
