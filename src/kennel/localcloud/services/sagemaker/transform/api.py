"""SageMaker's batch transform: moto keeps the jobs' records, and the local cloud runs them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
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
from kennel.localcloud.services.sagemaker.endpoints.plans import model_plan
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import FleetError
from kennel.localcloud.services.sagemaker.job_checks import check_can_stop, check_name
from kennel.localcloud.services.sagemaker.transform.job import TransformJob

LOG_GROUP = "/aws/sagemaker/TransformJobs"
WHOLE = "$"  # a filter that leaves everything as it is


@operation("sagemaker", "CreateTransformJob")
def create_transform_job(call: Call) -> Response:
    """Validate and record a job through moto, then run it."""
    parameters, name = call.parameters, call.parameters["TransformJobName"]
    check_name(call, "transform", name, call.backend().transform_jobs)
    for problem in _problems(parameters):
        raise AwsError("ValidationException", problem)
    try:
        plan = model_plan(
            call.backend(),
            parameters["ModelName"],
            parameters["TransformResources"]["InstanceCount"],
            parameters.get("Environment") or {},
            LOG_GROUP,
        )
    except FleetError as error:
        raise AwsError("ValidationException", str(error)) from error
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    job = TransformJob(call.cloud, call.backend().transform_jobs[name], parameters, plan)
    transform_jobs(call.cloud)[name] = job
    job.start()
    return response


@operation("sagemaker", "StopTransformJob")
def stop_transform_job(call: Call) -> dict[str, Any]:
    """Ask a job to end; moto has no such operation."""
    job = transform_jobs(call.cloud).get(call.parameters["TransformJobName"])
    if job is None:
        raise AwsError("ResourceNotFound", "Requested resource not found.")
    check_can_stop("transform", job.record.transform_job_status)
    job.stop()
    return {}


def _problems(parameters: Mapping[str, Any]) -> Iterator[str]:
    source, output = parameters["TransformInput"], parameters["TransformOutput"]
    kind = source["DataSource"]["S3DataSource"]["S3DataType"]
    if kind != "S3Prefix":
        yield f"The local cloud reads no {kind} in a transform job: use S3Prefix."
    if source.get("SplitType", "None") not in ("None", "Line"):
        yield f"The local cloud splits no {source['SplitType']}: use Line or None."
    processing = parameters.get("DataProcessing") or {}
    for member in ("InputFilter", "OutputFilter"):
        if processing.get(member, WHOLE) != WHOLE:
            yield f"The local cloud has no {member} in a transform job: leave it out."
    if processing.get("JoinSource", "None") != "None":
        yield "The local cloud does not join answers with their input: leave JoinSource out."
    if parameters.get("DataCaptureConfig"):
        yield "The local cloud captures no data of a transform job: leave DataCaptureConfig out."
    if parameters.get("ExperimentConfig"):
        yield "The local cloud adds no transform job to an experiment: leave ExperimentConfig out."
    if output.get("AssembleWith", "None") not in ("None", "Line"):
        yield "AssembleWith must be Line or None."
    count, most = parameters["TransformResources"]["InstanceCount"], host_limit.hosts()
    if count > most:
        yield f"This machine ({host_limit.reason()}) bears {most} hosts of the local cloud, not {count}."


@dataclass
class TransformJobs(KeptStore):
    """The transform jobs of a cloud."""

    by_name: dict[str, TransformJob] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """End the jobs that ran when the local cloud ended."""
        for job in self.by_name.values():
            job.interrupt()


def transform_jobs(cloud: Cloud) -> dict[str, TransformJob]:
    """Return the jobs of this cloud, by name."""
    return cloud.store(TransformJobs).by_name
