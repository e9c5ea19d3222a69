"""What the tasks need of the SageMaker SDK v3: a model trainer for this stack, and silence."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kennel.aws import artifacts, session
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

ENTRY = (
    "train.py",
    '"""Entry of a training job."""\n\n'
    "import sys\n\nfrom kennel.classifier.training import main\n\nsys.exit(main())\n",
)
# Metrics that the training script prints as `name=value;`, as SageMaker shall find them.
METRICS = ("train_loss", "val_loss", "val_top1", "test_loss", "test_top1")


@dataclass(frozen=True)
class Request:
    """What to train, and on what.

    Parameters
    ----------
    dataset
        Name of a data set that ``data.upload`` put into the data bucket.
    hyperparameters
        Arguments of the training script, by name without dashes in front.
    maximum_seconds
        After which SageMaker stops the job.
    """

    dataset: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    instances: int = 1
    instance_type: str | None = None
    maximum_seconds: int = 4 * 3600


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Import and call the SDK in here: its chatter stays off standard output, which belongs to ``--json``."""
    os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(Path(__file__).with_name("sagemaker_sdk.yaml"))
    # The role comes from Terraform; checking it again would need iam:SimulatePrincipalPolicy.
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
    for name in ("sagemaker", "sagemaker.core", "sagemaker.train", "sagemaker.config"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with contextlib.redirect_stdout(sys.stderr):
        yield


def metric_definitions() -> list[dict[str, str]]:
    """Return how SageMaker finds the metrics in a job's log."""
    return [{"Name": name, "Regex": rf"\b{name}=([-+.0-9eE]+);"} for name in METRICS]


def model_trainer(workspace: Workspace, stack: Stack, request: Request) -> Any:
    """Return a ``ModelTrainer`` for this stack's role, network, key and buckets; call it within `quiet`."""
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.training.configs import (
        Compute,
        MetricDefinition,
        Networking,
        OutputDataConfig,
        SourceCode,
        StoppingCondition,
    )
    from sagemaker.train import ModelTrainer
    from sagemaker.train.distributed import Torchrun

    settings = stack["training"]
    source = artifacts.stage_classifier(workspace.root, workspace.build / "training-source", ENTRY)
    network = None
    if settings["subnet_ids"]:
        network = Networking(
            subnets=settings["subnet_ids"], security_group_ids=settings["security_group_ids"]
        )
    trainer = ModelTrainer(
        sagemaker_session=Session(
            default_bucket=stack["artifact_bucket"],
            default_bucket_prefix="source",
            sagemaker_client=session.client("sagemaker"),
        ),
        role=stack["roles"]["training"],
        base_job_name=f"{stack['name']}-train",
        training_image=settings["image"],
        source_code=SourceCode(source_dir=str(source), entry_script=ENTRY[0]),
        compute=Compute(
            instance_type=request.instance_type or settings["instance_type"],
            instance_count=request.instances,
            volume_size_in_gb=30,
            volume_kms_key_id=stack["kms_key_arn"],
        ),
        distributed=Torchrun() if request.instances > 1 else None,
        networking=network,
        stopping_condition=StoppingCondition(max_runtime_in_seconds=request.maximum_seconds),
        output_data_config=OutputDataConfig(
            s3_output_path=f"s3://{stack['artifact_bucket']}/training", kms_key_id=stack["kms_key_arn"]
        ),
        hyperparameters=dict(request.hyperparameters),
    )
    return trainer.with_metric_definitions(
        [MetricDefinition(name=one["Name"], regex=one["Regex"]) for one in metric_definitions()]
    )


def channels(stack: Stack, request: Request) -> list[Any]:
    """Return the input channels of a job; call it within `quiet`."""
    from sagemaker.core.training.configs import InputData

    data = f"s3://{stack['data_bucket']}/datasets/{request.dataset}"
    return [InputData(channel_name="training", data_source=data)]
