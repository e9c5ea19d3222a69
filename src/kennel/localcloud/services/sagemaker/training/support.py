"""What a training job may ask for on AWS and gets refused here by name, because nothing here would do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.training import script_mode
from kennel.localcloud.services.sagemaker.training.images import check_program

# Members of CreateTrainingJob that start something beside the job, which moto would only keep.
STARTED = (
    "DebugRuleConfigurations",
    "ProfilerRuleConfigurations",
    "RemoteDebugConfig",
    "ServerlessJobConfig",
    "ExperimentConfig",
    "MlflowConfig",
    "SessionChainingConfig",
    "TensorBoardOutputConfig",
)


def check_support(parameters: Mapping[str, Any]) -> None:
    """Refuse a job, or a tuning job's definition of its trials, that asks for what is not here.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    hyperparameters = parameters.get("HyperParameters") or parameters.get("StaticHyperParameters") or {}
    values = script_mode.decoded(hyperparameters)
    check_program(parameters["AlgorithmSpecification"], values)
    for problem in _problems(parameters, values):
        raise AwsError("ValidationException", f"The local cloud {problem}.")


def _problems(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    specification = parameters["AlgorithmSpecification"]
    channels = parameters.get("InputDataConfig") or []
    modes = [specification.get("TrainingInputMode"), *(channel.get("InputMode") for channel in channels)]
    if "Pipe" in modes:
        yield "has no input mode Pipe: use File or FastFile"
    for channel in channels:
        name, source = channel["ChannelName"], channel["DataSource"]
        if "S3DataSource" not in source:
            yield f"reads channels from S3 only; channel {name} is elsewhere"
        elif source["S3DataSource"].get("S3DataType", "S3Prefix") not in ("S3Prefix", "ManifestFile"):
            yield f"reads no {source['S3DataSource']['S3DataType']} (channel {name}): use S3Prefix"
        if "HubAccessConfig" in source.get("S3DataSource", {}):
            yield f"has no hub (channel {name}): copy the model's files to a bucket here"
        for member in ("ShuffleConfig", "RecordWrapperType", "CompressionType"):
            if channel.get(member) not in (None, "None"):
                yield f"has no {member} (channel {name}), which is for the input mode Pipe"
    resources = parameters.get("ResourceConfig") or {}
    if resources.get("TrainingPlanArn"):
        yield "has no training plans: leave TrainingPlanArn out; jobs start at once"
    groups = resources.get("InstanceGroups") or []
    if len(groups) > 1:
        yield "runs one instance group, not several: give InstanceType and InstanceCount"
    if launchers := script_mode.unsupported(values):
        yield (
            f"starts a script's processes with torchrun ({script_mode.TORCH_DISTRIBUTED}) or one on each "
            f"host, not by {', '.join(launchers)}"
        )
    for member in STARTED:
        if parameters.get(member):
            yield f"does nothing for {member}: leave it out"
