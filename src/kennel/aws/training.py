"""Training jobs through the SageMaker SDK v3."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kennel.aws import StackError, artifacts, session
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

Progress = Callable[[str], None]

ENTRY = (
    "train.py",
    '"""Entry of a training job."""\n\n'
    "import sys\n\nfrom kennel.classifier.training import main\n\nsys.exit(main())\n",
)
# Metrics that the training script prints as `name=value;`, as SageMaker shall find them.
METRICS = ("train_loss", "val_loss", "val_top1", "test_loss", "test_top1")


@dataclass(frozen=True)
class Request:
    """What to train, and on what.

    Parameters
    ----------
    dataset
        Name of a data set that ``data.upload`` put into the data bucket.
    hyperparameters
        Arguments of the training script, by name without dashes in front.
    maximum_seconds
        After which SageMaker stops the job.
    """

    dataset: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    instances: int = 1
    instance_type: str | None = None
    maximum_seconds: int = 4 * 3600


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
    data = f"datasets/{request.dataset}/"
    bucket = stack["data_bucket"]
    if not session.client("s3").list_objects_v2(Bucket=bucket, Prefix=data, MaxKeys=1).get("KeyCount"):
        raise StackError(
            f"no data set {request.dataset!r} in {bucket}: "
            f"run ./kennel data.upload DIR --name {request.dataset}"
        )
    name = submit(workspace, stack, request)
    tell(f"job {name}: {request.instances} of {request.instance_type or stack['training']['instance_type']}")
    try:
        job = follow(name, stack["training"]["log_group"], tell)
    except KeyboardInterrupt:
        session.client("sagemaker").stop_training_job(TrainingJobName=name)
        raise
    if job["TrainingJobStatus"] != "Completed":
        reason = " ".join(job.get("FailureReason", "no reason given").split())
        raise StackError(f"training job {name} {job['TrainingJobStatus']}: {reason}")
    return {
        "job": name,
        "status": job["TrainingJobStatus"],
        "instances": request.instances,
        "metrics": {
            metric["MetricName"]: round(metric["Value"], 6) for metric in job.get("FinalMetricDataList", [])
        },
        "artifact": job["ModelArtifacts"]["S3ModelArtifacts"],
        "seconds": round((job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds(), 1),
    }


def submit(workspace: Workspace, stack: Stack, request: Request) -> str:
    """Create the training job and return its name, without waiting."""
    os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(Path(__file__).with_name("sagemaker_sdk.yaml"))
    # The role comes from Terraform; checking it again would need iam:SimulatePrincipalPolicy.
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
    with _quiet():
        from sagemaker.core.helper.session_helper import Session
        from sagemaker.core.training.configs import (
            Compute,
            InputData,
            MetricDefinition,
            Networking,
            OutputDataConfig,
            SourceCode,
            StoppingCondition,
        )
        from sagemaker.train import ModelTrainer
        from sagemaker.train.distributed import Torchrun

        settings = stack["training"]
        source = artifacts.stage_classifier(workspace.root, workspace.build / "training-source", ENTRY)
        network = (
            Networking(subnets=settings["subnet_ids"], security_group_ids=settings["security_group_ids"])
            if settings["subnet_ids"]
            else None
        )
        trainer = ModelTrainer(
            sagemaker_session=Session(
                default_bucket=stack["artifact_bucket"],
                default_bucket_prefix="source",
                sagemaker_client=session.client("sagemaker"),
            ),
            role=stack["roles"]["training"],
            base_job_name=f"{stack['name']}-train",
            training_image=settings["image"],
            source_code=SourceCode(source_dir=str(source), entry_script=ENTRY[0]),
            compute=Compute(
                instance_type=request.instance_type or settings["instance_type"],
                instance_count=request.instances,
                volume_size_in_gb=30,
                volume_kms_key_id=stack["kms_key_arn"],
            ),
            distributed=Torchrun() if request.instances > 1 else None,
            networking=network,
            stopping_condition=StoppingCondition(max_runtime_in_seconds=request.maximum_seconds),
            output_data_config=OutputDataConfig(
                s3_output_path=f"s3://{stack['artifact_bucket']}/training", kms_key_id=stack["kms_key_arn"]
            ),
            hyperparameters=request.hyperparameters,
        ).with_metric_definitions(
            [MetricDefinition(name=name, regex=rf"\b{name}=([-+.0-9eE]+);") for name in METRICS]
        )
        channel = InputData(
            channel_name="training", data_source=f"s3://{stack['data_bucket']}/datasets/{request.dataset}"
        )
        trainer.train(input_data_config=[channel], wait=False, logs=False)
        job = trainer._latest_training_job  # the SDK offers no public name for the job it just made
    assert job is not None
    return job.training_job_name


def follow(name: str, log_group: str, tell: Progress) -> dict[str, Any]:
    """Wait for a job's end, telling its metric lines as they are logged; return its description."""
    sagemaker = session.client("sagemaker")
    seen: dict[str, str] = {}
    status = ""
    started = time.monotonic()
    while True:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        if job.get("SecondaryStatus", "") != status:
            status = job["SecondaryStatus"]
            tell(status)
        for line in _new_log_lines(log_group, name, seen):
            if re.search(r"\w+=[-+.0-9eE]+;|[Ee]rror|warning", line):
                tell(line)
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        # A job that has just begun is asked every second, one that runs for hours every ten.
        time.sleep(min(10.0, 1.0 + (time.monotonic() - started) / 60))


def _new_log_lines(group: str, job: str, tokens: dict[str, str]) -> Iterator[str]:
    logs = session.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
        for stream in streams:
            stream_name = stream["logStreamName"]
            while True:
                arguments = {"nextToken": tokens[stream_name]} if stream_name in tokens else {}
                page = logs.get_log_events(
                    logGroupName=group, logStreamName=stream_name, startFromHead=True, **arguments
                )
                yield from (event["message"] for event in page["events"])
                if page["nextForwardToken"] == tokens.get(stream_name):
                    break
                tokens[stream_name] = page["nextForwardToken"]
                if not page["events"]:
                    break
    except logs.exceptions.ResourceNotFoundException:
        return  # the group or stream appears with the first line


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the SDK's own chatter off standard output, which belongs to ``--json``."""
    for name in ("sagemaker", "sagemaker.core", "sagemaker.train", "sagemaker.config"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with contextlib.redirect_stdout(sys.stderr):
        yield
