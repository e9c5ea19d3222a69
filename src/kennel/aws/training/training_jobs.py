"""Training jobs: check the request, submit it, wait for the job's end, return its record."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from kennel.aws import Progress, StackError, artifacts, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace
from kennel.aws.training import best, joblogs, pretrained, sdk
from kennel.aws.training.modelfile import documents_of
from kennel.aws.training.sdk import TrainingRequest
from kennel.classifier import TrainingError, learned
from kennel.classifier import arguments as script_arguments
from kennel.classifier.hyperparameters import Hyperparameters

DATASET = "dogs"
# The lines of a job's log that are reported: metrics, what each host does, and errors. The others are the
# container's own.
REPORTED_LINES = re.compile(
    r"\w+=[-+.0-9eE]+;|[Ee]rror|warning|^host \d+ of|^unreadable|^stopped early|^learnt from"
)


def compose(
    stack: Stack,
    *,
    dataset: str | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    best_of: str | None = None,
    weights: str | None = None,
    **settings: Any,
) -> TrainingRequest:
    """Return a training request; all that can be checked before it runs has been checked.

    Parameters
    ----------
    dataset
        Name of an uploaded data set; None: that of ``best_of``, else ``dogs``.
    hyperparameters
        Arguments of the training script that differ from its own defaults.
    best_of
        A tuning job whose best hyperparameters to take, where none is given here.
    weights
        Where ImageNet weights come from: ``channel`` (``data.upload --weights``), ``package`` or
        ``torchvision``; None: the channel if it holds the network's, else the network's usual source.
    settings
        Of the `TrainingRequest`: instances, instance_type, spot, …

    Raises
    ------
    StackError
        An argument is invalid, the data set or the tuning job absent; the text says what to do.
    """
    best_trial = best.read(stack, best_of) if best_of else None
    arguments: dict[str, Any] = {"arch": Hyperparameters().arch}
    arguments |= (best_trial.hyperparameters if best_trial else {}) | dict(hyperparameters or {})
    checked = check(arguments)
    dataset = dataset or (best_trial.dataset if best_trial else DATASET)
    require_dataset(stack, dataset)
    inputs: dict[str, str] = {}
    if checked.pretrained:
        _choose_weights(stack, arguments, inputs, weights)
    if best_trial and best_trial.features and checked.unfreeze == 0:
        same_backbone = checked.arch == best_trial.hyperparameters.get("arch")
        if same_backbone and artifacts.objects(*artifacts.split(best_trial.features)):
            inputs["features"] = best_trial.features
    return TrainingRequest(dataset=dataset, hyperparameters=arguments, inputs=inputs, **settings)


def check(arguments: Mapping[str, Any]) -> Hyperparameters:
    """Return the hyperparameters that the training script reads from its arguments.

    Raises
    ------
    StackError
        The script would refuse them, on an instance; the text is the script's.
    """
    try:
        return script_arguments.check(arguments)
    except TrainingError as error:
        raise StackError(str(error)) from error


def train(
    workspace: Workspace, stack: Stack, request: TrainingRequest, progress: Progress | None = None
) -> dict[str, Any]:
    """Submit a training job, wait for its end and return its record.

    Returns
    -------
    dict
        ``job, status, instances, metrics, learned, artifact, logs, seconds``; ``logs`` is the log group and
        the names of the streams in it, one for each instance.

    Raises
    ------
    StackError
        The data set is absent, or the job did not complete; the text holds SageMaker's reason.
    """
    require_dataset(stack, request.dataset)
    job = run(workspace, stack, request, progress)
    group = stack["training"]["log_group"]
    logs = {"group": group, "streams": joblogs.streams(group, f"{job['TrainingJobName']}/")}
    return record(job) | {"logs": logs}


def run(
    workspace: Workspace, stack: Stack, request: TrainingRequest, progress: Progress | None = None
) -> dict[str, Any]:
    """Submit a job, wait for its end and return its description; Ctrl-C stops it."""
    report = progress or (lambda line: None)
    name = submit(workspace, stack, request)
    report(
        f"job {name}: {request.instances} of {request.instance_type or stack['training']['instance_type']}"
    )
    errors: list[str] = []
    try:
        job = follow(name, stack["training"]["log_group"], report, errors)
    except KeyboardInterrupt:
        session.client("sagemaker").stop_training_job(TrainingJobName=name)
        raise
    if job["TrainingJobStatus"] != "Completed":
        # The script's error message if it printed one: SageMaker's reason is the launcher's traceback.
        reason = errors[-1] if errors else " ".join(job.get("FailureReason", "no reason given").split())
        raise StackError(f"training job {name} {job['TrainingJobStatus']}: {reason}")
    return job


def record(job: dict[str, Any]) -> dict[str, Any]:
    """Return a completed job's record, from its description and the metrics in its model archive."""
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    # SageMaker has the metrics that were printed; the model archive has all, in full precision.
    printed = {
        metric["MetricName"]: round(metric["Value"], 6) for metric in job.get("FinalMetricDataList", [])
    }
    documents = documents_of(artifact, "metrics.json", learned.FILE)
    document = {
        "job": job["TrainingJobName"],
        "status": job["TrainingJobStatus"],
        "instances": job["ResourceConfig"]["InstanceCount"],
        "metrics": printed | documents.get("metrics.json", {}),
        "learned": documents.get(learned.FILE),
        "artifact": artifact,
        "seconds": round((job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds(), 1),
    }
    if job.get("EnableManagedSpotTraining"):
        document["interruptions"] = sum(
            transition["Status"] == "Interrupted" for transition in job.get("SecondaryStatusTransitions", [])
        )
        document["billable_seconds"] = job.get("BillableTimeInSeconds")
    return document


def require_dataset(stack: Stack, name: str) -> None:
    """Raise a StackError unless a data set of this name is in the data bucket."""
    bucket = stack["data_bucket"]
    listed = session.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"datasets/{name}/", MaxKeys=1)
    if not listed.get("KeyCount"):
        raise StackError(f"no data set {name!r} in {bucket}: run ./kennel data.upload DIR --name {name}")


def submit(workspace: Workspace, stack: Stack, request: TrainingRequest) -> str:
    """Create the training job and return its name, without waiting."""
    with sdk.quiet():
        trainer = sdk.model_trainer(workspace, stack, request)
        trainer.train(input_data_config=sdk.channels(stack, request), wait=False, logs=False)
        return trainer._latest_training_job.training_job_name  # the SDK has no public name for it


def follow(name: str, log_group: str, report: Progress, errors: list[str] | None = None) -> dict[str, Any]:
    """Wait for a job's end and report its metric lines as they are logged; return its description.

    The training script's error messages are appended to ``errors``.
    """
    sagemaker = session.client("sagemaker")
    tokens: dict[str, str] = {}
    status = ""
    started = time.monotonic()
    while True:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        if job.get("SecondaryStatus", "") != status:
            status = job["SecondaryStatus"]
            report(status)
        for line in joblogs.new_lines(log_group, f"{name}/", tokens):
            if REPORTED_LINES.search(line):
                report(line)
            if errors is not None and line.startswith("error: "):
                errors.append(line.removeprefix("error: "))
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        # Ask every second at the beginning, every ten seconds in long jobs.
        time.sleep(min(10.0, 1.0 + (time.monotonic() - started) / 60))


def _choose_weights(
    stack: Stack, arguments: dict[str, Any], inputs: dict[str, str], source: str | None
) -> None:
    """Add the channel ``pretrained`` to the inputs if it is to be used, another source to the arguments."""
    if source and source not in pretrained.SOURCES:
        raise StackError(f"unknown weights {source!r}: use {', '.join(pretrained.SOURCES)}, or leave it out")
    if source in ("package", "torchvision"):
        arguments["weights"] = source
        return
    uri = pretrained.channel(stack["data_bucket"], arguments["arch"])
    if uri:
        inputs["pretrained"] = uri
    elif source == "channel":
        raise StackError(
            f"no weights of {arguments['arch']} in {stack['data_bucket']}: "
            "run ./kennel data.upload --weights FILE"
        )
