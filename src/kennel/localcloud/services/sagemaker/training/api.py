"""SageMaker's training jobs: moto keeps their records, and the local cloud runs them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name

from kennel.localcloud import host_limit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.instance_types import check_volume_key
from kennel.localcloud.protocol.messages import AwsError, Response, Unchanged
from kennel.localcloud.runtime.opt_ml import CONTAINER_ROOT
from kennel.localcloud.runtime.role_session import RoleSession, role_session
from kennel.localcloud.services.sagemaker.execution_role import SERVICE, not_assumable
from kennel.localcloud.services.sagemaker.job_network import check_network
from kennel.localcloud.services.sagemaker.training import job_folders
from kennel.localcloud.services.sagemaker.training.container_files import host_count
from kennel.localcloud.services.sagemaker.training.job import TrainingJob
from kennel.localcloud.services.sagemaker.training.metric_scraper import MetricScraper
from kennel.localcloud.services.sagemaker.training.record import TrainingRecord
from kennel.localcloud.services.sagemaker.training.support import check_support

SESSION = "SageMaker"  # the name AWS gives the sessions of execution roles


@operation("sagemaker", "CreateTrainingJob")
def create_training_job(call: Call) -> Response:
    """Validate and record a job through moto, then run it."""
    parameters = call.parameters
    name = parameters["TrainingJobName"]
    if name in call.backend().training_jobs:
        raise AwsError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with "
            f"this name already exists ({call.arn(f'training-job/{name}')})",
        )
    check(parameters)
    check_network(call, parameters.get("VpcConfig"))
    session = training_session(call.cloud, parameters["RoleArn"])
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    _start(call.cloud, session, call.backend().training_jobs[name], parameters)
    return response


def launch(
    cloud: Cloud, session: RoleSession, backend: Any, parameters: dict[str, Any], tuning_job_arn: str
) -> TrainingJob:
    """Record and run a job that SageMaker itself creates: a trial of a tuning job.

    Parameters
    ----------
    cloud, session, backend
        The local cloud, the training role's clients, and moto's backend that keeps the record.
    parameters
        As for CreateTrainingJob, and checked.
    tuning_job_arn
        The tuning job.
    """
    optional = (
        "HyperParameters",
        "InputDataConfig",
        "VpcConfig",
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "TensorBoardOutputConfig",
        "ExperimentConfig",
        "Tags",
    )
    # A copy: moto changes its arguments.
    members = deepcopy(dict.fromkeys(optional) | parameters)
    arguments = {xform_name(name): value for name, value in members.items() if name != "Environment"}
    return _start(cloud, session, backend.create_training_job(**arguments), parameters, tuning_job_arn)


def _start(
    cloud: Cloud, session: RoleSession, moto_record: Any, parameters: dict[str, Any], tuning_job_arn: str = ""
) -> TrainingJob:
    record = TrainingRecord(moto_record, parameters, cloud.clock, tuning_job_arn)
    job = training_jobs(cloud)[record.name] = TrainingJob(cloud, session, record, parameters)
    job.start()
    return job


@operation("sagemaker", "StopTrainingJob")
def stop_training_job(call: Call) -> dict[str, Any]:
    """Ask a job to end."""
    name = call.parameters["TrainingJobName"]
    job = training_jobs(call.cloud).get(name)
    if job is None:
        raise AwsError("ValidationException", "Requested resource not found.")
    if job.record.ended:
        message = f"The request was rejected because the training job is in status {job.record.status}."
        raise AwsError("ValidationException", message)
    job.stop()
    return {}


@dataclass
class TrainingJobs(KeptStore):
    """The training jobs of a cloud."""

    by_name: dict[str, TrainingJob] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """End the jobs that ran when the local cloud ended."""
        for job in self.by_name.values():
            job.interrupt()
        job_folders.clean_up(cloud.regional_directory)


def training_jobs(cloud: Cloud) -> dict[str, TrainingJob]:
    """Return the jobs of this cloud, by name."""
    return cloud.store(TrainingJobs).by_name


def training_session(cloud: Cloud, role_arn: str) -> RoleSession:
    """Return the session of a training role.

    Raises
    ------
    AwsError
        ``ValidationException``: SageMaker may not assume it.
    """
    session = role_session(cloud, role_arn, SERVICE, SESSION)
    try:
        session.client("s3")
    except AwsError as error:
        raise not_assumable(role_arn) from error
    return session


def check(parameters: dict[str, Any]) -> None:
    """Refuse parameters with which the job could only fail.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    try:
        MetricScraper(parameters["AlgorithmSpecification"].get("MetricDefinitions") or [])
    except ValueError as error:
        raise AwsError("ValidationException", str(error)) from error
    _check_limits(parameters)
    resources = parameters["ResourceConfig"]
    groups = resources.get("InstanceGroups") or []
    check_volume_key(
        resources.get("VolumeKmsKeyId"),
        "VolumeKmsKeyId",
        [resources.get("InstanceType"), *(group.get("InstanceType") for group in groups)],
    )
    check_hosts(parameters, 1)
    local = (parameters.get("CheckpointConfig") or {}).get("LocalPath") or CONTAINER_ROOT
    if not f"{local}/".startswith(f"{CONTAINER_ROOT}/") or ".." in local:
        message = f"The local cloud keeps checkpoints below {CONTAINER_ROOT} only, not in {local}."
        raise AwsError("ValidationException", message)
    check_support(parameters)


def check_hosts(parameters: dict[str, Any], jobs: int) -> None:
    """Refuse as many jobs at a time as this machine cannot bear: its quota, in AWS's words.

    Raises
    ------
    AwsError
        ``ResourceLimitExceeded``.
    """
    hosts, most = jobs * host_count(parameters), host_limit.hosts()
    if hosts > most:
        instance_type = parameters["ResourceConfig"].get("InstanceType", "instances")
        raise AwsError(
            "ResourceLimitExceeded",
            f"The account-level service limit '{instance_type} for training job usage' is {most} Instances, "
            f"with current utilization of 0 Instances and a request delta of {hosts} Instances: this machine "
            f"({host_limit.reason()}) bears no more hosts of the local cloud at a time.",
        )


def _check_limits(parameters: dict[str, Any]) -> None:
    limits = parameters.get("StoppingCondition") or {}
    waiting = limits.get("MaxWaitTimeInSeconds")
    if not parameters.get("EnableManagedSpotTraining"):
        if waiting:
            raise AwsError(
                "ValidationException", "MaxWaitTimeInSeconds is for managed spot training jobs only."
            )
    elif not waiting or waiting < limits.get("MaxRuntimeInSeconds", 86400):
        raise AwsError(
            "ValidationException",
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds",
        )
