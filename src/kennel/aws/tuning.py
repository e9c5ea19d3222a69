"""Tuning: features computed once, then trials of heads on them, followed to the best one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kennel.aws import StackError, best, sdk, session, training
from kennel.aws.sdk import Request, Search
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

Progress = Callable[[str], None]

LONGEST_NAME = 32  # of a tuning job; its trials' names begin with it
OVER = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job.

    Parameters
    ----------
    hyperparameters
        The tuned ones.
    objective
        Its last value; None as long as there is none.
    seconds
        How long its instance worked, data download and upload apart.
    train_seconds
        How long its epochs took: the start of container and Python, and the test, apart.
    """

    name: str
    status: str
    hyperparameters: dict[str, str]
    objective: float | None = None
    seconds: float | None = None
    train_seconds: float | None = None
    failure: str | None = None


Show = Callable[[list[Trial]], None]


def tune(
    workspace: Workspace,
    stack: Stack,
    request: Request,
    search: Search,
    progress: Progress | None = None,
    show: Show | None = None,
) -> dict[str, Any]:
    """Compute features, tune heads on them, and keep the best trial's hyperparameters.

    Parameters
    ----------
    request
        What every trial has in common.
    show
        Is handed all trials each time they were looked at.

    Returns
    -------
    dict
        ``job, status, objective, trials, best, features, train_seconds, seconds``; the best trial is kept in
        the artifact bucket, where ``train --best-of`` finds it.

    Raises
    ------
    StackError
        A job failed or was stopped, or no trial completed.
    """
    tell, began = progress or (lambda line: None), time.monotonic()
    if str(request.hyperparameters.get("unfreeze", "0")) != "0":
        raise StackError("tune tries heads on a frozen backbone: leave --unfreeze to train")
    features = request.inputs.get("features") or compute_features(workspace, stack, request, tell)
    trials_of = replace(request, inputs=request.inputs | {"features": features})
    name = job_name(stack["name"])
    described = _run(workspace, stack, trials_of, search, name, tell, show)
    trials = trials_in(name)
    found = best.of(described)
    if found:
        best.write(stack, found)
    status = described["HyperParameterTuningJobStatus"]
    if status != "Completed" or found is None:
        raise StackError(f"tuning job {name} {status}: {_reason(described, trials)}")
    return {
        "job": name,
        "status": status,
        "objective": found.objective,
        "trials": [asdict(one) for one in trials],
        "best": {
            "name": found.trial,
            "objective": found.value,
            "hyperparameters": found.hyperparameters,
        },
        "features": features,
        "train_seconds": round(sum(one.train_seconds or 0.0 for one in trials), 2),
        "seconds": round(time.monotonic() - began, 1),
    }


def compute_features(workspace: Workspace, stack: Stack, request: Request, tell: Progress) -> str:
    """Send each photo through the frozen backbone once; return where the features lie."""
    # What concerns heads alone changes nothing here.
    kept = ("arch", "views", "pretrained", "weights")
    hyperparameters = {
        name: request.hyperparameters[name] for name in kept if name in request.hyperparameters
    }
    job = training.run(
        workspace, stack, replace(request, hyperparameters=hyperparameters, features_only=True), tell
    )
    uri: str = job["ModelArtifacts"]["S3ModelArtifacts"]
    return uri


def job_name(stack_name: str) -> str:
    """Return a new tuning job's name, no longer than SageMaker takes."""
    ending = f"-tune-{datetime.now(UTC):%m%d-%H%M%S}"
    return stack_name[: LONGEST_NAME - len(ending)].rstrip("-") + ending


def trials_in(job: str, known: dict[str, Trial] | None = None) -> list[Trial]:
    """Return a tuning job's trials, in the order of their names.

    Parameters
    ----------
    known
        Trials that are over already, by name; filled here, so that each is described once.
    """
    sagemaker = session.client("sagemaker")
    known = {} if known is None else known
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=job, SortBy="Name", SortOrder="Ascending"
    )
    return [_trial(one, known) for page in pages for one in page["TrainingJobSummaries"]]


def _trial(summary: dict[str, Any], known: dict[str, Trial]) -> Trial:
    name, status = summary["TrainingJobName"], summary["TrainingJobStatus"]
    if name in known:
        return known[name]
    begun, ended = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    until = ended or (datetime.now(begun.tzinfo) if begun else None)
    trial = Trial(
        name,
        status,
        {key: best.unquoted(value) for key, value in summary["TunedHyperParameters"].items()},
        summary.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value"),
        round((until - begun).total_seconds(), 1) if begun and until else None,
        failure=summary.get("FailureReason"),
    )
    if status in OVER:
        job = session.client("sagemaker").describe_training_job(TrainingJobName=name)
        metrics = {one["MetricName"]: one["Value"] for one in job.get("FinalMetricDataList", [])}
        trial = known[name] = replace(trial, train_seconds=metrics.get("train_seconds"))
    return trial


def _run(
    workspace: Workspace,
    stack: Stack,
    request: Request,
    search: Search,
    name: str,
    tell: Progress,
    show: Show | None,
) -> dict[str, Any]:
    """Create the tuning job, follow it to its end and return its description; Ctrl-C stops it."""
    sagemaker = session.client("sagemaker")
    try:
        with sdk.quiet():
            tuner = sdk.tuner(workspace, stack, request, search)
            tuner.tune(inputs=sdk.channels(stack, request), job_name=name, wait=False)
        tell(f"tuning job {name}: {search.trials} trials, {search.parallel} at a time")
        return _follow(name, tell, show)
    except KeyboardInterrupt:
        try:
            sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except sagemaker.exceptions.ClientError as error:
            # It was not there yet, or is over already.
            tell(error.response["Error"]["Message"])
        raise


def _follow(name: str, tell: Progress, show: Show | None) -> dict[str, Any]:
    sagemaker = session.client("sagemaker")
    known: dict[str, Trial] = {}
    started, told = time.monotonic(), ""
    while True:
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        trials = trials_in(name, known)
        if show:
            show(trials)
        counters = job["TrainingJobStatusCounters"]
        over = sum(counters.get(one, 0) for one in ("Completed", "Stopped", "NonRetryableError"))
        leader = job.get("BestTrainingJob")
        value = leader["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] if leader else None
        line = f"{over} trials over" + (f", best {value:.4g}" if value is not None else "")
        if line != told:
            told = line
            tell(line)
        if job["HyperParameterTuningJobStatus"] in OVER:
            described: dict[str, Any] = job
            return described
        time.sleep(min(10.0, 1.0 + (time.monotonic() - started) / 60))


def _reason(described: dict[str, Any], trials: list[Trial]) -> str:
    failures = [one.failure for one in trials if one.failure]
    words = [described.get("FailureReason") or "no trial completed", *failures[:1]]
    return " ".join(" ".join(words).split())
