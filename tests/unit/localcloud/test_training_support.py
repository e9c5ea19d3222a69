"""Jobs that the local cloud could not run are refused by name when they are created."""

from __future__ import annotations

from typing import Any

import pytest

from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.training.support import check_support

REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
PYTORCH = f"{REGISTRY}/pytorch-training:2.6.0-cpu-py312"
SOURCE = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/data"}}
SCRIPT = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://b/source.tar.gz"}


def job(image: str = PYTORCH, hyperparameters: dict[str, str] = SCRIPT, **changes: Any) -> dict[str, Any]:
    specification = {"TrainingImage": image, "TrainingInputMode": "File", **changes.pop("specification", {})}
    return {"AlgorithmSpecification": specification, "HyperParameters": hyperparameters, **changes}


def channel(**changes: Any) -> list[dict[str, Any]]:
    return [{"ChannelName": "training", "DataSource": SOURCE, **changes}]


@pytest.mark.parametrize(
    "supported",
    [
        job(),
        job(f"{REGISTRY}/pytorch:2.13.0-cpu-amzn2023-sagemaker"),
        job("123456789012.dkr.ecr.us-east-1.amazonaws.com/copies/pytorch-training@sha256:0"),
        job("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"),
        job(hyperparameters={}, specification={"ContainerEntrypoint": ["python3", "train.py"]}),
        job(InputDataConfig=channel(InputMode="FastFile", RecordWrapperType="None")),
        job(hyperparameters={**SCRIPT, "sagemaker_torch_distributed_enabled": "true"}),
        job(hyperparameters={**SCRIPT, "sagemaker_mpi_enabled": "false"}),
    ],
)
def test_what_runs_is_accepted(supported: dict[str, Any]) -> None:
    check_support(supported)


@pytest.mark.parametrize(
    ("unsupported", "refusal"),
    [
        (job(f"{REGISTRY}/dogs:1"), '"763.*/dogs:1" holds.* pytorch-training:'),
        (job("811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"), "does not know what"),
        (job(f"{REGISTRY}/tensorflow-training:2.19-cpu-py312"), 'no package "tensorflow" for scripts'),
        (job(hyperparameters={"epochs": "1"}), "the program of the image .* is missing.*sagemaker_program"),
        (job(specification={"AlgorithmName": "bought"}), 'no algorithm "bought"'),
        (job(specification={"TrainingInputMode": "Pipe"}), "no input mode Pipe: use File"),
        (job(InputDataConfig=channel(InputMode="Pipe")), "no input mode Pipe"),
        (job(InputDataConfig=channel(DataSource={"FileSystemDataSource": {}})), "channel training is else"),
        (
            job(
                InputDataConfig=channel(DataSource={"S3DataSource": {"S3DataType": "AugmentedManifestFile"}})
            ),
            "reads no AugmentedManifestFile",
        ),
        (job(InputDataConfig=channel(ShuffleConfig={"Seed": 1})), "no ShuffleConfig"),
        (job(ResourceConfig={"InstanceGroups": [{}, {}]}), "one instance group"),
        (job(hyperparameters={**SCRIPT, "sagemaker_mpi_enabled": "true"}), "not by sagemaker_mpi_enabled"),
        (job(InputDataConfig=channel(CompressionType="Gzip")), "no CompressionType"),
        (
            job(InputDataConfig=channel(DataSource={"S3DataSource": {"HubAccessConfig": {}}})),
            "no hub .channel training.: copy the model's files",
        ),
        (job(ResourceConfig={"TrainingPlanArn": "arn:p"}), "no training plans: leave TrainingPlanArn out"),
        (job(TensorBoardOutputConfig={"S3OutputPath": "s3://b"}), "nothing for TensorBoardOutputConfig"),
        (job(ExperimentConfig={"TrialName": "t"}), "nothing for ExperimentConfig"),
        (job(MlflowConfig={"MlflowResourceArn": "arn:m"}), "nothing for MlflowConfig"),
        (job(DebugRuleConfigurations=[{}]), "does nothing for DebugRuleConfigurations"),
    ],
)
def test_what_does_not_run_is_refused_by_name(unsupported: dict[str, Any], refusal: str) -> None:
    with pytest.raises(AwsError, match=refusal) as refused:
        check_support(unsupported)
    assert refused.value.code == "ValidationException"
