"""Training jobs: submitted, followed to their end, recorded."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from kennel.aws import StackError, joblogs, sdk, session
from kennel.aws.sdk import Request
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

Progress = Callable[[str], None]


def train(
    workspace: Workspace, stack: Stack, request: Request, progress: Progress | None = None
) -> dict[str, Any]:
    """Submit a training job, follow it to its end and return its record.

    Returns
    -------
    dict
        ``job, status, instances, metrics, artifact, seconds``.

    Raises
    ------
    StackError
        The data set is absent, or the job did not complete; the text holds SageMaker's reason.
    """
    tell = progress or (lambda line: None)
    require_dataset(stack, request.dataset)
    name = submit(workspace, stack, request)
    tell(f"job {name}: {request.instances} of {request.instance_type or stack['training']['instance_type']}")
    errors: list[str] = []
    try:
        job = follow(name, stack["training"]["log_group"], tell, errors)
    except KeyboardInterrupt:
        session.client("sagemaker").stop_training_job(TrainingJobName=name)
        raise
    if job["TrainingJobStatus"] != "Completed":
        # The script's own words, where it had any: SageMaker's reason is the launcher's traceback.
        reason = errors[-1] if errors else " ".join(job.get("FailureReason", "no reason given").split())
        raise StackError(f"training job {name} {job['TrainingJobStatus']}: {reason}")
    return record(job)


def record(job: dict[str, Any]) -> dict[str, Any]:
    """Return what matters of a completed job's description."""
    metrics = {one["MetricName"]: round(one["Value"], 6) for one in job.get("FinalMetricDataList", [])}
    return {
        "job": job["TrainingJobName"],
        "status": job["TrainingJobStatus"],
        "instances": job["ResourceConfig"]["InstanceCount"],
        "metrics": metrics,
        "artifact": job["ModelArtifacts"]["S3ModelArtifacts"],
        "seconds": round((job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds(), 1),
    }


def require_dataset(stack: Stack, name: str) -> None:
    """Raise a StackError unless a data set of this name is in the data bucket."""
    bucket = stack["data_bucket"]
    found = session.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"datasets/{name}/", MaxKeys=1)
    if not found.get("KeyCount"):
        raise StackError(f"no data set {name!r} in {bucket}: run ./kennel data.upload DIR --name {name}")


def submit(workspace: Workspace, stack: Stack, request: Request) -> str:
    """Create the training job and return its name, without waiting."""
    with sdk.quiet():
        trainer = sdk.model_trainer(workspace, stack, request)
        trainer.train(input_data_config=sdk.channels(stack, request), wait=False, logs=False)
        return trainer._latest_training_job.training_job_name  # the SDK has no public name for it


def follow(name: str, log_group: str, tell: Progress, errors: list[str] | None = None) -> dict[str, Any]:
    """Wait for a job's end, telling its metric lines as they are logged; return its description.

    What the training script itself reported as wrong is appended to ``errors``.
    """
    sagemaker = session.client("sagemaker")
    seen: dict[str, str] = {}
    status = ""
    started = time.monotonic()
    while True:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        if job.get("SecondaryStatus", "") != status:
            status = job["SecondaryStatus"]
            tell(status)
        for line in joblogs.new_lines(log_group, f"{name}/", seen):
            if re.search(r"\w+=[-+.0-9eE]+;|[Ee]rror|warning", line):
                tell(line)
            if errors is not None and line.startswith("error: "):
                errors.append(line.removeprefix("error: "))
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        # A job that has just begun is asked every second, one that runs for hours every ten.
        time.sleep(min(10.0, 1.0 + (time.monotonic() - started) / 60))
