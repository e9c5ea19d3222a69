"""SageMaker's tuning jobs: moto records them, and here their trials run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response, Unchanged
from kennel.localcloud.services.sagemaker.training.api import check, training_session
from kennel.localcloud.services.sagemaker.tuning import ranges

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud
    from kennel.localcloud.services.sagemaker.tuning.job import TuningJob
    from kennel.localcloud.services.sagemaker.tuning.ranges import Space

PAGE = 10


@operation("sagemaker", "CreateHyperParameterTuningJob")
def create_hyper_parameter_tuning_job(call: Call) -> Response:
    """Validate and record a tuning job through moto, then run it."""
    # Numbers are crunched here only: the service starts faster without numpy.
    from kennel.localcloud.services.sagemaker.tuning.job import TuningJob, search_of
    from kennel.localcloud.services.sagemaker.tuning.trial import with_objective

    parameters = call.parameters
    name = parameters["HyperParameterTuningJobName"]
    space = _checked(parameters)
    definition, configuration = (
        parameters["TrainingJobDefinition"],
        parameters["HyperParameterTuningJobConfig"],
    )
    session = training_session(call.cloud, definition["RoleArn"])
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    backend = call.backend()
    record = backend.hyper_parameter_tuning_jobs[name]
    metric = configuration["HyperParameterTuningJobObjective"]["MetricName"]
    record.training_job_definition = with_objective(definition, metric)
    seed = configuration.get("RandomSeed")
    search = search_of(configuration["Strategy"], space, secrets.randbits(32) if seed is None else seed)
    job = tuning_jobs(call.cloud)[name] = TuningJob(call.cloud, session, backend, record, search)
    job.start()
    return response


@operation("sagemaker", "StopHyperParameterTuningJob")
def stop_hyper_parameter_tuning_job(call: Call) -> dict[str, Any]:
    """Ask a tuning job, and its running trials, to end."""
    job = _found(call)
    if job.over or job.status == "Stopping":
        message = f"The request was rejected because the hyperparameter tuning job is in status {job.status}."
        raise AwsError("ValidationException", message)
    job.stop()
    return {}


@operation("sagemaker", "DeleteHyperParameterTuningJob")
def delete_hyper_parameter_tuning_job(call: Call) -> Response:
    """Forget a tuning job that is over; its training jobs stay."""
    job = tuning_jobs(call.cloud).get(call.parameters["HyperParameterTuningJobName"])
    if job and not job.over:
        message = f"The request was rejected because the hyperparameter tuning job is in status {job.status}."
        raise AwsError("ValidationException", message)
    tuning_jobs(call.cloud).pop(call.parameters["HyperParameterTuningJobName"], None)
    return call.ask_moto()


@operation("sagemaker", "ListTrainingJobsForHyperParameterTuningJob")
def list_trials(call: Call) -> dict[str, Any]:
    """List a tuning job's trials."""
    given = call.parameters
    found = [one.summary() for one in list(_found(call).trials)]
    status, by = given.get("StatusEquals"), given.get("SortBy", "Name")
    if status:
        found = [one for one in found if one["TrainingJobStatus"] == status]
    if by == "FinalObjectiveMetricValue":  # AWS leaves out those without one
        found = [one for one in found if "FinalHyperParameterTuningJobObjectiveMetric" in one]
    keys = {
        "Name": lambda one: one["TrainingJobName"],
        "CreationTime": lambda one: one["CreationTime"],
        "Status": lambda one: one["TrainingJobStatus"],
        "FinalObjectiveMetricValue": lambda one: one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
    }
    found.sort(key=keys[by], reverse=given.get("SortOrder") == "Descending")
    token = given.get("NextToken") or "0"
    if not token.isdigit() or int(token) > len(found):
        raise AwsError("ValidationException", "Invalid pagination token.")
    start = int(token)
    end = start + int(given.get("MaxResults") or PAGE)
    answer: dict[str, Any] = {"TrainingJobSummaries": found[start:end]}
    return answer | ({"NextToken": str(end)} if end < len(found) else {})


@dataclass
class TuningJobs:
    """The tuning jobs of a cloud."""

    by_name: dict[str, TuningJob] = field(default_factory=dict)


def tuning_jobs(cloud: Cloud) -> dict[str, TuningJob]:
    """Return the tuning jobs of this cloud, by name."""
    return cloud.store(TuningJobs).by_name


def _found(call: Call) -> TuningJob:
    name = call.parameters["HyperParameterTuningJobName"]
    job = tuning_jobs(call.cloud).get(name)
    if job is None:
        arn = call.arn(f"hyper-parameter-tuning-job/{name}")
        raise AwsError("ResourceNotFound", f"Could not find requested job with arn: {arn}")
    return job


def _checked(parameters: dict[str, Any]) -> Space:
    """Return what is to be searched, or refuse what could only fail later.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    configuration = parameters["HyperParameterTuningJobConfig"]
    definition = parameters.get("TrainingJobDefinition")
    for name in ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"):
        if parameters.get(name):
            raise _invalid(f"The local cloud tunes one TrainingJobDefinition from scratch, without {name}.")
    if not definition:
        raise _invalid("A TrainingJobDefinition must be given.")
    strategy, limits = configuration["Strategy"], configuration["ResourceLimits"]
    if strategy == "Hyperband":
        raise _invalid("The local cloud searches with the strategies Bayesian, Random and Grid.")
    criteria = configuration.get("TuningJobCompletionCriteria") or {}
    if (criteria.get("ConvergenceDetected") or {}).get("CompleteOnConvergence") == "Enabled":
        raise _invalid("The local cloud does not detect convergence; use BestObjectiveNotImproving.")
    objective = configuration.get("HyperParameterTuningJobObjective")
    metrics = definition["AlgorithmSpecification"].get("MetricDefinitions") or []
    if not objective or objective["MetricName"] not in [one["Name"] for one in metrics]:
        raise _invalid("The objective metric must be one of the MetricDefinitions of the algorithm.")
    try:
        space = ranges.read(configuration.get("ParameterRanges") or {})
    except ranges.RangeError as error:
        raise _invalid(str(error)) from error
    both = {one.name for one in space.ranges} & set(definition.get("StaticHyperParameters") or {})
    if both:
        raise _invalid(f"Hyperparameters are both static and tuned: {', '.join(sorted(both))}.")
    _check_number(strategy, space, limits.get("MaxNumberOfTrainingJobs"))
    check({**definition, "TrainingJobName": parameters["HyperParameterTuningJobName"]})
    return space


def _check_number(strategy: str, space: Space, number: int | None) -> None:
    if strategy != "Grid":
        if not number:
            raise _invalid("MaxNumberOfTrainingJobs must be given for this strategy.")
        return
    combinations = 1
    for one in space.ranges:
        if isinstance(one, ranges.NumberRange):
            raise _invalid("Grid search takes categorical hyperparameters only.")
        combinations *= len(one.values)
    if number and number != combinations:
        raise _invalid(f"The grid has {combinations} combinations, MaxNumberOfTrainingJobs says {number}.")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
