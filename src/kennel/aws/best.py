"""What a tuning job found best: written when it ends, read by the training that follows it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from kennel.aws import StackError, session
from kennel.aws.stack import Stack

# Hyperparameters of the platform's own among a training job's.
PLATFORM = ("sagemaker_", "_tuning_")


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
        What was tuned for, and what the trial reached.
    hyperparameters
        All of the training script's, the tuned and the fixed ones.
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


def key(job: str) -> str:
    """Return where a tuning job's record lies in the artifact bucket."""
    return f"tuning/{job}/best.json"


def write(stack: Stack, best: Best) -> None:
    """Keep the record in the artifact bucket."""
    body = (json.dumps(best.as_dict(), indent=2) + "\n").encode()
    session.client("s3").put_object(Bucket=stack["artifact_bucket"], Key=key(best.job), Body=body)


def read(stack: Stack, job: str) -> Best:
    """Return a tuning job's record, or what SageMaker knows if none was written.

    Raises
    ------
    StackError
        There is no such tuning job, or no trial of it has completed.
    """
    s3 = session.client("s3")
    try:
        answer = s3.get_object(Bucket=stack["artifact_bucket"], Key=key(job))
    except s3.exceptions.NoSuchKey:
        sagemaker = session.client("sagemaker")
        try:
            described = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
        except sagemaker.exceptions.ResourceNotFound as error:
            raise StackError(f"no tuning job {job!r}: ./kennel tune names its job when it ends") from error
        found = of(described)
        if found is None:
            raise StackError(f"no trial of {job} has completed yet") from None
        return found
    return Best(**json.loads(answer["Body"].read()))


def of(described: dict[str, Any]) -> Best | None:
    """Return the best trial in a tuning job's description, if one has completed."""
    trial = described.get("BestTrainingJob")
    if not trial:
        return None
    definition = described["TrainingJobDefinition"]
    metric = trial["FinalHyperParameterTuningJobObjectiveMetric"]
    everything = definition["StaticHyperParameters"] | trial["TunedHyperParameters"]
    inputs = {
        one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"]
        for one in definition["InputDataConfig"]
    }
    return Best(
        job=described["HyperParameterTuningJobName"],
        trial=trial["TrainingJobName"],
        objective=metric["MetricName"],
        value=metric["Value"],
        hyperparameters={
            name: unquoted(value) for name, value in everything.items() if not name.startswith(PLATFORM)
        },
        dataset=inputs["training"].rstrip("/").rpartition("/")[2],
        features=inputs.get("features"),
    )


def unquoted(value: str) -> str:
    """Return a hyperparameter without the JSON quotes that the older contract may put round a text."""
    return str(json.loads(value)) if value.startswith('"') else value
