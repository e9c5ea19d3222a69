"""Trained models: what a completed training has left in the artifact bucket."""

from __future__ import annotations

from pathlib import Path

from kennel.aws import StackError, artifacts, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import release_archive
from kennel.aws.training import hosts


def fetch(stack: Stack, job: str, folder: Path) -> Path:
    """Download and unpack the model of a completed training into a folder; return it.

    Raises
    ------
    StackError
        There is no such job, or it has no model.
    """
    archive = artifacts.download(_address(stack, job), folder.with_suffix(".tar.gz"))
    release_archive.unpack(archive, folder)
    archive.unlink()
    return folder


def newest_job(stack: Stack) -> str:
    """Return the name of this stack's training job that completed last."""
    jobs = session.client("sagemaker").list_training_jobs(
        NameContains=f"{stack['name']}-train",
        StatusEquals="Completed",
        SortBy="CreationTime",
        SortOrder="Descending",
    )["TrainingJobSummaries"]
    if not jobs:
        raise StackError("no training job has completed yet: run ./kennel train")
    return max(jobs, key=lambda job: job["CreationTime"])["TrainingJobName"]


def _address(stack: Stack, job: str) -> str:
    """Return the S3 address of a completed training's model."""
    from botocore.exceptions import ClientError

    try:
        description = session.client("sagemaker").describe_training_job(TrainingJobName=job)
    except ClientError as error:
        record = hosts.record_of(stack, job)
        if record is None:
            raise StackError(f"no training job {job}: {error.response['Error']['Message']}") from error
        return str(record["artifact"])
    if description["TrainingJobStatus"] != "Completed":
        raise StackError(
            f"training job {job} is {description['TrainingJobStatus']}, not Completed: it has no model"
        )
    return str(description["ModelArtifacts"]["S3ModelArtifacts"])
