"""Training jobs: composed, submitted, followed to their end, recorded."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Callable
from typing import Any

from kennel.aws import StackError, artifacts, best, joblogs, pretrained, sdk, session
from kennel.aws.modelfile import metrics_of
from kennel.aws.sdk import Request
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

Progress = Callable[[str], None]

ARCH, DATASET = "efficientnet_lite0", "dogs"
SOURCES = ("channel", "package", "torchvision")
# Of a job's log: metrics, what each host does, and what is wrong; the rest is the container's own talk.
WORTH_TELLING = re.compile(r"\w+=[-+.0-9eE]+;|[Ee]rror|warning|^host \d+ of|^unreadable|^stopped early")


def compose(
    stack: Stack,
    *,
    dataset: str = "",
    hyperparameters: dict[str, Any] | None = None,
    best_of: str = "",
    weights: str = "",
    **settings: Any,
) -> Request:
    """Return a request of which everything is known that can be known before it runs.

    Parameters
    ----------
    dataset
        Name of an uploaded data set; empty: that of ``best_of``, else ``dogs``.
    hyperparameters
        Arguments of the training script that differ from its own defaults.
    best_of
        A tuning job whose best hyperparameters to take, where none is given here.
    weights
        Where ImageNet weights come from: ``channel`` (``data.upload --weights``), ``package`` or
        ``torchvision``; empty: the channel if it holds the network's, else what the network always has.
    settings
        Of the `Request`: instances, instance_type, spot, …

    Raises
    ------
    StackError
        An argument is senseless, the data set or the tuning job absent; the text says what to do.
    """
    found = best.read(stack, best_of) if best_of else None
    chosen: dict[str, Any] = {"arch": ARCH} | (found.hyperparameters if found else {})
    chosen |= hyperparameters or {}
    dataset = dataset or (found.dataset if found else DATASET)
    if set(chosen) - {"arch"}:
        _check(chosen)
    require_dataset(stack, dataset)
    inputs = _weights(stack, chosen, weights)
    if found and found.features and chosen["arch"] == found.hyperparameters.get("arch"):
        frozen = str(chosen.get("unfreeze", "0")) == "0"
        if frozen and artifacts.objects(*artifacts.split(found.features)):
            inputs["features"] = found.features
    return Request(dataset=dataset, hyperparameters=chosen, inputs=inputs, **settings)


def train(
    workspace: Workspace, stack: Stack, request: Request, progress: Progress | None = None
) -> dict[str, Any]:
    """Submit a training job, follow it to its end and return its record.

    Returns
    -------
    dict
        ``job, status, instances, metrics, artifact, logs, seconds``; ``logs`` is the log group and the names
        of the streams in it, one for each instance.

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
    workspace: Workspace, stack: Stack, request: Request, progress: Progress | None = None
) -> dict[str, Any]:
    """Submit a job, follow it to its end and return its description; Ctrl-C stops it."""
    tell = progress or (lambda line: None)
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
    return job


def record(job: dict[str, Any]) -> dict[str, Any]:
    """Return what matters of a completed job's description."""
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    # SageMaker knows what was printed; the model's own record has all of it, and in full precision.
    printed = {one["MetricName"]: round(one["Value"], 6) for one in job.get("FinalMetricDataList", [])}
    document = {
        "job": job["TrainingJobName"],
        "status": job["TrainingJobStatus"],
        "instances": job["ResourceConfig"]["InstanceCount"],
        "metrics": printed | metrics_of(artifact),
        "artifact": artifact,
        "seconds": round((job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds(), 1),
    }
    if job.get("EnableManagedSpotTraining"):
        document["interruptions"] = sum(
            one["Status"] == "Interrupted" for one in job.get("SecondaryStatusTransitions", [])
        )
        document["billable_seconds"] = job.get("BillableTimeInSeconds")
    return document


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
            if WORTH_TELLING.search(line):
                tell(line)
            if errors is not None and line.startswith("error: "):
                errors.append(line.removeprefix("error: "))
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        # A job that has just begun is asked every second, one that runs for hours every ten.
        time.sleep(min(10.0, 1.0 + (time.monotonic() - started) / 60))


def _check(hyperparameters: dict[str, Any]) -> None:
    """Let the training script's own parser refuse what it would refuse an instance later.

    Raises
    ------
    StackError
        In the parser's words.
    """
    from kennel.classifier import arguments

    words = [word for name, value in hyperparameters.items() for word in (f"--{name}", str(value))]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            arguments.parse([*words, "--data", "."], {}, 1)
        except SystemExit as error:
            reason = said.getvalue().strip().splitlines()[-1].partition("error: ")[2]
            raise StackError(reason) from error


def _weights(stack: Stack, chosen: dict[str, Any], source: str) -> dict[str, str]:
    """Return the channel ``pretrained`` if it is to be used; another source becomes an argument."""
    if str(chosen.get("pretrained", "true")) == "false":
        return {}
    if source and source not in SOURCES:
        raise StackError(f"unknown weights {source!r}: use {', '.join(SOURCES)}, or leave it out")
    if source in ("package", "torchvision"):
        chosen["weights"] = source
        return {}
    uri = pretrained.channel(stack["data_bucket"], chosen["arch"])
    if source == "channel" and not uri:
        raise StackError(
            f"no weights of {chosen['arch']} in {stack['data_bucket']}: "
            "run ./kennel data.upload --weights FILE"
        )
    return {"pretrained": uri} if uri else {}
