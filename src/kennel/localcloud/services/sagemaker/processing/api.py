"""SageMaker's processing jobs: moto keeps their records, and the local cloud runs them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud import host_limit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response, Unchanged
from kennel.localcloud.runtime.opt_ml import CONTAINER_ROOT
from kennel.localcloud.services.sagemaker.job_checks import check_can_stop, check_name
from kennel.localcloud.services.sagemaker.job_network import check_network
from kennel.localcloud.services.sagemaker.processing.job import ProcessingJob
from kennel.localcloud.services.sagemaker.training.api import training_session
from kennel.localcloud.services.sagemaker.training.images import check_image


@operation("sagemaker", "CreateProcessingJob")
def create_processing_job(call: Call) -> Response:
    """Validate and record a job through moto, then run it."""
    parameters, name = call.parameters, call.parameters["ProcessingJobName"]
    check_name(call, "processing", name, call.backend().processing_jobs)
    check_image(parameters["AppSpecification"]["ImageUri"])
    for problem in _problems(parameters):
        raise AwsError("ValidationException", problem)
    check_network(call, (parameters.get("NetworkConfig") or {}).get("VpcConfig"))
    session = training_session(call.cloud, parameters["RoleArn"])
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    job = ProcessingJob(call.cloud, session, call.backend().processing_jobs[name], parameters)
    processing_jobs(call.cloud)[name] = job
    job.start()
    return response


@operation("sagemaker", "StopProcessingJob")
def stop_processing_job(call: Call) -> dict[str, Any]:
    """Ask a job to end."""
    job = processing_jobs(call.cloud).get(call.parameters["ProcessingJobName"])
    if job is None:
        raise AwsError("ResourceNotFound", "Requested resource not found.")
    check_can_stop("processing", job.record.processing_job_status)
    job.stop()
    return {}


def _problems(parameters: Mapping[str, Any]) -> Iterator[str]:
    application = parameters["AppSpecification"]
    if not application.get("ContainerEntrypoint"):
        yield (
            f'The local cloud runs no containers: the program of the image "{application["ImageUri"]}" is '
            "missing. Give the job a ContainerEntrypoint."
        )
    if parameters.get("ExperimentConfig"):
        yield "The local cloud adds no processing job to an experiment: leave ExperimentConfig out."
    count, most = parameters["ProcessingResources"]["ClusterConfig"]["InstanceCount"], host_limit.hosts()
    if count > most:
        yield f"This machine ({host_limit.reason()}) bears {most} hosts of the local cloud, not {count}."
    for each in parameters.get("ProcessingInputs") or []:
        name, source = each["InputName"], each.get("S3Input")
        if each.get("DatasetDefinition"):
            yield f"The local cloud has no DatasetDefinition (input {name}): give an S3Input."
        elif source and not each.get("AppManaged"):
            if source.get("S3InputMode", "File") != "File":
                yield f"The local cloud has no S3InputMode {source['S3InputMode']} (input {name}): use File."
            if source.get("S3CompressionType", "None") != "None":
                yield f"The local cloud does not unpack input {name}: leave S3CompressionType out."
            yield from _path_problems(f"input {name}", source.get("LocalPath") or "")
    for each in (parameters.get("ProcessingOutputConfig") or {}).get("Outputs") or []:
        if each.get("FeatureStoreOutput"):
            yield f"The local cloud has no feature store (output {each['OutputName']}): give an S3Output."
        elif each.get("S3Output") and not each.get("AppManaged"):
            yield from _path_problems(f"output {each['OutputName']}", each["S3Output"].get("LocalPath") or "")


def _path_problems(what: str, path: str) -> Iterator[str]:
    if not path.startswith(f"{CONTAINER_ROOT}/processing") or ".." in path:
        yield f"The LocalPath of {what} must be below {CONTAINER_ROOT}/processing, it is {path!r}."


@dataclass
class ProcessingJobs(KeptStore):
    """The processing jobs of a cloud."""

    by_name: dict[str, ProcessingJob] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """End the jobs that ran when the local cloud ended."""
        for job in self.by_name.values():
            job.interrupt()


def processing_jobs(cloud: Cloud) -> dict[str, ProcessingJob]:
    """Return the jobs of this cloud, by name."""
    return cloud.store(ProcessingJobs).by_name
