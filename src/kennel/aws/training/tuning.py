"""Tuning: compute features once, search heads trained on them, return the best trial."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kennel.aws import Progress, StackError, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace
from kennel.aws.training import best, sdk, training_jobs
from kennel.aws.training.sdk import Search, TrainingRequest
from kennel.classifier.hyperparameters import DECLARED, SEARCH_SPACE, Choices

MAXIMUM_NAME_LENGTH = 32  # of a tuning job's name, CreateHyperParameterTuningJob
FINAL_STATUSES = ("Completed", "Failed", "Stopped")
# Arguments that features depend on; the others concern heads alone.
FEATURE_ARGUMENTS = ("arch", "views", "pretrained", "weights")


@dataclass(frozen=True)
class TrialSummary:
    """One training job of a tuning job.

    Parameters
    ----------
    hyperparameters
        The tuned ones.
    objective
        Its last value; None as long as there is none.
    seconds
        How long its instance worked, without data download and upload.
    train_seconds
        How long its epochs took, without the start of container and Python, and without the test.
    """

    name: str
    status: str
    hyperparameters: dict[str, str]
    objective: float | None = None
    seconds: float | None = None
    train_seconds: float | None = None
    failure: str | None = None


Show = Callable[[list[TrialSummary]], None]


def tune(
    workspace: Workspace,
    stack: Stack,
    request: TrainingRequest,
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
        Receives all trials each time their state has been read.

    Returns
    -------
    dict
        ``job, status, objective, trials, best, features, train_seconds, seconds``; the best trial is written
        to the artifact bucket, where ``train --best-of`` finds it.

    Raises
    ------
    StackError
        A job failed or was stopped, or no trial completed.
    """
    report, began = progress or (lambda line: None), time.monotonic()
    if training_jobs.check(request.hyperparameters).unfreeze:
        raise StackError("tune tries heads on a frozen backbone: leave --unfreeze to train")
    features = request.inputs.get("features") or compute_features(workspace, stack, request, report)
    trial_request = replace(
        request,
        hyperparameters=request.hyperparameters | best.OF_TRIALS,
        inputs=request.inputs | {"features": features},
    )
    name = job_name(stack["name"])
    described = _run(workspace, stack, trial_request, search, name, report, show)
    trials = trials_in(name)
    best_trial = best.of(described)
    if best_trial:
        best.write(stack, best_trial)
    status = described["HyperParameterTuningJobStatus"]
    if status != "Completed" or best_trial is None:
        raise StackError(f"tuning job {name} {status}: {_reason(described, trials)}")
    return {
        "job": name,
        "status": status,
        "objective": best_trial.objective,
        "trials": [asdict(trial) for trial in trials],
        "best": {
            "name": best_trial.trial,
            "objective": best_trial.value,
            "hyperparameters": best_trial.hyperparameters,
        },
        "features": features,
        "train_seconds": round(sum(trial.train_seconds or 0.0 for trial in trials), 2),
        "seconds": round(time.monotonic() - began, 1),
    }


def compute_features(workspace: Workspace, stack: Stack, request: TrainingRequest, progress: Progress) -> str:
    """Send each photo through the frozen backbone once; return the features' S3 address."""
    arguments = {name: value for name, value in request.hyperparameters.items() if name in FEATURE_ARGUMENTS}
    features_request = replace(request, hyperparameters=arguments, features_only=True)
    job = training_jobs.run(workspace, stack, features_request, progress)
    uri: str = job["ModelArtifacts"]["S3ModelArtifacts"]
    return uri


def job_name(stack_name: str) -> str:
    """Return a new tuning job's name, no longer than SageMaker accepts."""
    ending = f"-tune-{datetime.now(UTC):%m%d-%H%M%S}"
    return stack_name[: MAXIMUM_NAME_LENGTH - len(ending)].rstrip("-") + ending


def search_ranges() -> dict[str, Any]:
    """Return the search space as the SDK takes it: ranges by argument; call it within `sdk.quiet`."""
    from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter

    ranges: dict[str, Any] = {}
    for name, space in SEARCH_SPACE.items():
        hyperparameter = DECLARED[name]
        if isinstance(space, Choices):
            ranges[hyperparameter.option] = CategoricalParameter(list(space.values))
            continue
        kind = IntegerParameter if hyperparameter.declaration.kind is int else ContinuousParameter
        scaling = "Logarithmic" if space.logarithmic else "Linear"
        ranges[hyperparameter.option] = kind(space.least, space.most, scaling_type=scaling)
    return ranges


def trials_in(job: str, known: dict[str, TrialSummary] | None = None) -> list[TrialSummary]:
    """Return a tuning job's trials, in the order of their names.

    Parameters
    ----------
    known
        Trials that have ended, by name; this function adds to it, so that each is described once.
    """
    sagemaker = session.client("sagemaker")
    known = {} if known is None else known
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=job, SortBy="Name", SortOrder="Ascending"
    )
    return [_trial(summary, known) for page in pages for summary in page["TrainingJobSummaries"]]


def _trial(summary: dict[str, Any], known: dict[str, TrialSummary]) -> TrialSummary:
    name, status = summary["TrainingJobName"], summary["TrainingJobStatus"]
    if name in known:
        return known[name]
    begun, ended = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    until = ended or (datetime.now(begun.tzinfo) if begun else None)
    trial = TrialSummary(
        name,
        status,
        {key: best.unquoted(value) for key, value in summary["TunedHyperParameters"].items()},
        summary.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value"),
        round((until - begun).total_seconds(), 1) if begun and until else None,
        failure=summary.get("FailureReason"),
    )
    if status in FINAL_STATUSES:
        job = session.client("sagemaker").describe_training_job(TrainingJobName=name)
        metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
        trial = known[name] = replace(trial, train_seconds=metrics.get("train_seconds"))
    return trial


def _run(
    workspace: Workspace,
    stack: Stack,
    request: TrainingRequest,
    search: Search,
    name: str,
    report: Progress,
    show: Show | None,
) -> dict[str, Any]:
    """Create the tuning job, wait for its end and return its description; Ctrl-C stops it."""
    sagemaker = session.client("sagemaker")
    try:
        with sdk.quiet():
            tuner = sdk.tuner(workspace, stack, request, search, search_ranges())
            tuner.tune(inputs=sdk.channels(stack, request), job_name=name, wait=False)
        report(f"tuning job {name}: {search.trials} trials, {search.parallel} at a time")
        return _follow(name, report, show)
    except KeyboardInterrupt:
        try:
            sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except sagemaker.exceptions.ClientError as error:
            # It did not exist yet, or has ended.
            report(error.response["Error"]["Message"])
        raise


def _follow(name: str, report: Progress, show: Show | None) -> dict[str, Any]:
    sagemaker = session.client("sagemaker")
    known: dict[str, TrialSummary] = {}
    started, reported = time.monotonic(), ""
    while True:
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        trials = trials_in(name, known)
        if show:
            show(trials)
        counters = job["TrainingJobStatusCounters"]
        ended = sum(counters.get(status, 0) for status in ("Completed", "Stopped", "NonRetryableError"))
        leader = job.get("BestTrainingJob")
        value = leader["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] if leader else None
        line = f"{ended} trials ended" + (f", best {value:.4g}" if value is not None else "")
        if line != reported:
            reported = line
            report(line)
        if job["HyperParameterTuningJobStatus"] in FINAL_STATUSES:
            described: dict[str, Any] = job
            return described
        time.sleep(min(10.0, 1.0 + (time.monotonic() - started) / 60))


def _reason(described: dict[str, Any], trials: list[TrialSummary]) -> str:
    failures = [trial.failure for trial in trials if trial.failure]
    reasons = [described.get("FailureReason") or "no trial completed", *failures[:1]]
    return " ".join(" ".join(reasons).split())
