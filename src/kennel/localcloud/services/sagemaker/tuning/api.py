"""SageMaker's tuning jobs: moto records them, and here their trials run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response, Unchanged
from kennel.localcloud.services.sagemaker.execution_role import require_trust
from kennel.localcloud.services.sagemaker.job_network import check_network
from kennel.localcloud.services.sagemaker.training.api import training_session
from kennel.localcloud.services.sagemaker.tuning.job import TuningJob
from kennel.localcloud.services.sagemaker.tuning.remote_search import RemoteSearch
from kennel.localcloud.services.sagemaker.tuning.trial import with_objective
from kennel.localcloud.services.sagemaker.tuning.validation import check_tuning_job

PAGE_SIZE = 10  # MaxResults without a value, as in the API reference
FINAL_METRIC = "FinalHyperParameterTuningJobObjectiveMetric"
SORT_KEYS = {
    "Name": lambda summary: summary["TrainingJobName"],
    "CreationTime": lambda summary: summary["CreationTime"],
    "Status": lambda summary: summary["TrainingJobStatus"],
    "FinalObjectiveMetricValue": lambda summary: summary[FINAL_METRIC]["Value"],
}


@operation("sagemaker", "CreateHyperParameterTuningJob")
def create_hyper_parameter_tuning_job(call: Call) -> Response:
    """Validate and record a tuning job through moto, then run it."""
    parameters = call.parameters
    name = parameters["HyperParameterTuningJobName"]
    check_tuning_job(parameters)
    definition = parameters["TrainingJobDefinition"]
    configuration = parameters["HyperParameterTuningJobConfig"]
    check_network(call, definition.get("VpcConfig"))
    require_trust(call.cloud, definition["RoleArn"])
    session = training_session(call.cloud, definition["RoleArn"])
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    backend = call.backend()
    record = backend.hyper_parameter_tuning_jobs[name]
    metric = configuration["HyperParameterTuningJobObjective"]["MetricName"]
    record.training_job_definition = with_objective(definition, metric)
    seed = configuration.get("RandomSeed")
    search = RemoteSearch(
        call.cloud,
        configuration["Strategy"],
        configuration["ParameterRanges"],
        secrets.randbits(32) if seed is None else seed,
    )
    job = tuning_jobs(call.cloud)[name] = TuningJob(call.cloud, session, backend, record, search)
    job.start()
    return response


@operation("sagemaker", "StopHyperParameterTuningJob")
def stop_hyper_parameter_tuning_job(call: Call) -> dict[str, Any]:
    """Ask a tuning job, and its running trials, to end."""
    job = _tuning_job(call)
    if job.ended or job.status == "Stopping":
        message = f"The request was rejected because the hyperparameter tuning job is in status {job.status}."
        raise AwsError("ValidationException", message)
    job.stop()
    return {}


@operation("sagemaker", "DeleteHyperParameterTuningJob")
def delete_hyper_parameter_tuning_job(call: Call) -> Response:
    """Delete a tuning job that is over; its training jobs stay."""
    job = tuning_jobs(call.cloud).get(call.parameters["HyperParameterTuningJobName"])
    if job and not job.ended:
        message = f"The request was rejected because the hyperparameter tuning job is in status {job.status}."
        raise AwsError("ValidationException", message)
    tuning_jobs(call.cloud).pop(call.parameters["HyperParameterTuningJobName"], None)
    return call.ask_moto()


@operation("sagemaker", "ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs_for_hyper_parameter_tuning_job(call: Call) -> dict[str, Any]:
    """List a tuning job's trials."""
    parameters = call.parameters
    summaries = [trial.summary() for trial in list(_tuning_job(call).trials)]
    status, sort_by = parameters.get("StatusEquals"), parameters.get("SortBy", "Name")
    if status:
        summaries = [summary for summary in summaries if summary["TrainingJobStatus"] == status]
    if sort_by == "FinalObjectiveMetricValue":  # AWS leaves out those without one
        summaries = [summary for summary in summaries if FINAL_METRIC in summary]
    summaries.sort(key=SORT_KEYS[sort_by], reverse=parameters.get("SortOrder") == "Descending")
    token = parameters.get("NextToken") or "0"
    if not token.isdigit() or int(token) > len(summaries):
        raise AwsError("ValidationException", "Invalid pagination token.")
    start = int(token)
    end = start + int(parameters.get("MaxResults") or PAGE_SIZE)
    page: dict[str, Any] = {"TrainingJobSummaries": summaries[start:end]}
    return page | ({"NextToken": str(end)} if end < len(summaries) else {})


@dataclass
class TuningJobs(KeptStore):
    """The tuning jobs of a cloud."""

    by_name: dict[str, TuningJob] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """End the jobs that ran when the local cloud ended."""
        for job in self.by_name.values():
            job.interrupt()


def tuning_jobs(cloud: Cloud) -> dict[str, TuningJob]:
    """Return the tuning jobs of this cloud, by name."""
    return cloud.store(TuningJobs).by_name


def _tuning_job(call: Call) -> TuningJob:
    name = call.parameters["HyperParameterTuningJobName"]
    job = tuning_jobs(call.cloud).get(name)
    if job is None:
        arn = call.arn(f"hyper-parameter-tuning-job/{name}")
        raise AwsError("ResourceNotFound", f"Could not find requested job with arn: {arn}")
    return job
