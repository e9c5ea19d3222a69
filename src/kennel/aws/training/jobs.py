"""The training, tuning and processing jobs of a stack: list, describe and stop them."""

from __future__ import annotations

import difflib
import itertools
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name

from kennel.aws import Progress, StackError, session, silent
from kennel.aws.infrastructure.stack import Stack

# SageMaker's name of each type: its operations and their members are named after it.
TYPES = {"training": "TrainingJob", "tuning": "HyperParameterTuningJob", "processing": "ProcessingJob"}
FINAL_STATUSES = ("Completed", "Failed", "Stopped")
# A tuning job's name is shorter than the limit of 32 by its ending, so a long stack's name is cut in it.
_NAME_LENGTH = 15
# How SageMaker and the local cloud name the training jobs of a tuning job: its name, a number, and digits.
_TRIAL = re.compile(r"-tune-\d{4}-\d{6}-\d{3}-[0-9a-f]{8}$")
# Which metric stands for a training in a table: the first of these that it has.
_TELLING = ("test_top1", "val_top1", "val_loss")
_PARALLEL = 8
_ABSENT = ("ResourceNotFound", "ValidationException")


@dataclass(frozen=True)
class Job:
    """A job as SageMaker describes it.

    Parameters
    ----------
    type
        ``training``, ``tuning`` or ``processing``.
    seconds
        How long its instances have worked, or worked until its end; None before they start.
    billable_seconds
        Fewer than ``seconds`` for Spot instances; None as long as it is not known.
    instances, instance_type
        Of a tuning job: those that work at a time.
    metrics
        The last value of each; of a tuning job the best value of its objective.
    trials
        Of a tuning job: how many have ended, and how many there will be at most.
    """

    name: str
    type: str
    status: str
    created: datetime
    seconds: float | None = None
    billable_seconds: int | None = None
    instances: int | None = None
    instance_type: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    trials: tuple[int, int] | None = None
    failure: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in FINAL_STATUSES

    @property
    def metric(self) -> tuple[str, float] | None:
        """Name and value of the metric that stands for the job."""
        names = [name for name in (*_TELLING, *self.metrics) if name in self.metrics]
        return (names[0], self.metrics[names[0]]) if names else None

    def as_dict(self) -> dict[str, Any]:
        """Return the job as a JSON document."""
        return {
            "job": self.name,
            "type": self.type,
            "status": self.status,
            "created": self.created.isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "billable_seconds": self.billable_seconds,
            "instances": self.instances,
            "instance_type": self.instance_type,
            "metrics": self.metrics,
            "trials": {"ended": self.trials[0], "most": self.trials[1]} if self.trials else None,
            "failure": self.failure,
        }


def newest(stack: Stack, kind: str | None = None, limit: int = 20, *, trials: bool = False) -> list[Job]:
    """Return the stack's jobs, the newest first.

    A job belongs to the stack if its name contains the stack's and it runs with one of the stack's roles.

    Parameters
    ----------
    kind
        One of `TYPES`; None for all.
    trials
        Also the training jobs of tuning jobs.
    """
    jobs: list[Job] = []
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for type_ in [kind] if kind else TYPES:
            jobs += itertools.islice(_of_type(stack, type_, pool, trials), limit)
    return sorted(jobs, key=lambda job: job.created, reverse=True)[:limit]


def _of_type(stack: Stack, type_: str, pool: ThreadPoolExecutor, trials: bool) -> Iterator[Job]:
    """Yield the stack's jobs of a type, the newest first, a page at a time."""
    roles = set(stack["roles"].values())
    names = (name for page in _pages(type_, stack["name"][:_NAME_LENGTH].rstrip("-")) for name in page)
    names = (name for name in names if trials or not _TRIAL.search(name))
    while batch := list(itertools.islice(names, _PARALLEL)):
        for described in pool.map(lambda name: describe_as(type_, name), batch):
            if described and _role(described) in roles:
                yield summary(type_, described)


def _pages(type_: str, contained: str) -> Iterator[list[str]]:
    member = TYPES[type_]
    operation = xform_name(f"List{member}s")
    pages = session.client("sagemaker").get_paginator(operation)
    listed = pages.paginate(
        NameContains=contained,
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"PageSize": 100},
    )
    for page in listed:
        summaries = page[f"{member}Summaries"]
        summaries.sort(key=lambda entry: entry["CreationTime"], reverse=True)
        yield [entry[f"{member}Name"] for entry in summaries]


def find(stack: Stack, name: str) -> tuple[str, dict[str, Any]]:
    """Return a job's type and its description.

    Raises
    ------
    StackError
        There is no such job; the text names the one of the stack that is most like it.
    """
    for type_ in TYPES:
        if described := describe_as(type_, name):
            return type_, described
    known = [job.name for job in newest(stack, limit=100)]
    close = difflib.get_close_matches(name, known, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    raise StackError(f"there is no job {name}{meant}: ./kennel jobs lists them")


def describe_as(type_: str, name: str) -> dict[str, Any] | None:
    """Return SageMaker's description of a job of this type; None if there is none of this name."""
    from botocore.exceptions import ClientError

    member = TYPES[type_]
    describe = getattr(session.client("sagemaker"), xform_name(f"Describe{member}"))
    try:
        described: dict[str, Any] = describe(**{f"{member}Name": name})
    except ClientError as error:
        if error.response["Error"]["Code"] not in _ABSENT:
            raise
        return None
    return described


def summary(type_: str, described: dict[str, Any]) -> Job:
    """Return a job from its description."""
    member = TYPES[type_]
    details = {"training": _training, "tuning": _tuning, "processing": _processing}[type_](described)
    return Job(
        name=described[f"{member}Name"],
        type=type_,
        status=described[f"{member}Status"],
        created=described["CreationTime"].astimezone(UTC),
        failure=described.get("FailureReason"),
        **details,
    )


def stop(stack: Stack, name: str, progress: Progress | None = None) -> tuple[Job, bool]:
    """Stop a job and wait until it has ended; nothing happens to a job that has ended.

    Returns
    -------
    tuple
        The job at its end, and whether this call stopped it.
    """
    from botocore.exceptions import ClientError

    report = progress or silent
    type_, described = find(stack, name)
    job, asked = summary(type_, described), False
    began = time.monotonic()
    while not job.ended:
        if job.status != "Stopping" and not asked:
            try:
                _stop(type_, name)
                asked = True
            except ClientError as error:
                # It may have ended since it was described; the next description says so.
                if error.response["Error"]["Code"] != "ValidationException":
                    raise
        report(job.status)
        time.sleep(min(5.0, 0.2 + (time.monotonic() - began) / 20))
        job = summary(type_, describe_as(type_, name) or described)
    return job, asked


def _stop(type_: str, name: str) -> None:
    member = TYPES[type_]
    getattr(session.client("sagemaker"), xform_name(f"Stop{member}"))(**{f"{member}Name": name})


def _role(described: dict[str, Any]) -> str | None:
    definitions = [described, described.get("TrainingJobDefinition") or {}]
    definitions += described.get("TrainingJobDefinitions") or []
    return next((part["RoleArn"] for part in definitions if "RoleArn" in part), None)


def _training(described: dict[str, Any]) -> dict[str, Any]:
    resources = described.get("ResourceConfig") or {}
    metrics = described.get("FinalMetricDataList") or []
    return {
        "seconds": _seconds(described.get("TrainingStartTime"), described.get("TrainingEndTime")),
        "billable_seconds": described.get("BillableTimeInSeconds"),
        "instances": resources.get("InstanceCount"),
        "instance_type": resources.get("InstanceType"),
        "metrics": {metric["MetricName"]: round(metric["Value"], 6) for metric in metrics},
    }


def _tuning(described: dict[str, Any]) -> dict[str, Any]:
    resources = (described.get("TrainingJobDefinition") or {}).get("ResourceConfig") or {}
    limits = described["HyperParameterTuningJobConfig"]["ResourceLimits"]
    counters = described.get("TrainingJobStatusCounters") or {}
    ended = sum(counters.get(status, 0) for status in ("Completed", "Stopped", "NonRetryableError"))
    best = (described.get("BestTrainingJob") or {}).get("FinalHyperParameterTuningJobObjectiveMetric")
    return {
        "seconds": _seconds(described["CreationTime"], described.get("HyperParameterTuningEndTime")),
        "instances": resources.get("InstanceCount", 1) * limits["MaxParallelTrainingJobs"],
        "instance_type": resources.get("InstanceType"),
        "metrics": {best["MetricName"]: round(best["Value"], 6)} if best else {},
        "trials": (ended, limits.get("MaxNumberOfTrainingJobs", ended)),
    }


def _processing(described: dict[str, Any]) -> dict[str, Any]:
    cluster = (described.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    return {
        "seconds": _seconds(described.get("ProcessingStartTime"), described.get("ProcessingEndTime")),
        "instances": cluster.get("InstanceCount"),
        "instance_type": cluster.get("InstanceType"),
    }


def _seconds(began: datetime | None, ended: datetime | None) -> float | None:
    if began is None:
        return None
    return round(((ended or datetime.now(UTC)) - began).total_seconds(), 1)
