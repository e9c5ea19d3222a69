"""The SageMaker SDK v3 for this stack: model trainer, tuner, and suppression of the SDK's output."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kennel.aws import StackError, artifacts, instance_types, platforms, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace

ENTRY = (
    "train.py",
    '"""Entry of a training job."""\n\n'
    "import sys\n\nfrom kennel.classifier.training import main\n\nsys.exit(main())\n",
)
# Metrics that the training script prints as `name=value;`, from which SageMaker extracts them.
METRICS = (
    "train_loss",
    "val_loss",
    "val_top1",
    "test_loss",
    "test_top1",
    "test_top5",
    "macro_f1",
    "ece",
    "train_seconds",
)
CHECKPOINTS = "/opt/ml/checkpoints"
SOURCE = "source"  # prefix of code in the artifact bucket, below that of the caller's uploads


@dataclass(frozen=True)
class TrainingRequest:
    """The settings of a training job.

    Parameters
    ----------
    dataset
        Name of a data set that ``data.upload`` uploaded to the data bucket.
    hyperparameters
        Arguments of the training script by name, without leading dashes.
    instances
        Number of instances; they share the work.
    instance_type
        The stack's if None.
    maximum_seconds
        Time limit after which SageMaker stops the job.
    spot
        Use Spot capacity: cheaper, may be interrupted, and continues from its checkpoint.
    inputs
        Further channels beside ``training``: S3 address by name.
    features_only
        Compute features without training; the job's output is then the files themselves, not an archive.
    """

    dataset: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    instances: int = 1
    instance_type: str | None = None
    maximum_seconds: int = 4 * 3600
    spot: bool = False
    inputs: dict[str, str] = field(default_factory=dict)
    features_only: bool = False

    @property
    def arguments(self) -> dict[str, str]:
        """The hyperparameters in the form that the script receives."""
        extra = {"features-only": "true"} if self.features_only else {}
        return {name: str(value) for name, value in (self.hyperparameters | extra).items()}


@dataclass(frozen=True)
class Search:
    """The settings of a tuning job.

    Parameters
    ----------
    trials, parallel
        Number of training jobs, and how many of them run at a time.
    objective
        A metric of the training script: minimised if its name ends in ``loss``, else maximised.
    seed
        The same seed gives the same first trials; 0: a different one each time.
    """

    trials: int = 20
    parallel: int = 2
    objective: str = "val_loss"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.parallel <= self.trials:
            raise StackError(f"--parallel {self.parallel} must be between 1 and --trials {self.trials}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Redirect the SDK's output to standard error, because standard output is for ``--json``.

    Import and call the SDK within this context.
    """
    os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(Path(__file__).with_name("sagemaker_sdk.yaml"))
    # The role comes from Terraform; the SDK's own check would require iam:SimulatePrincipalPolicy.
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
    for name in ("sagemaker", "sagemaker.core", "sagemaker.train", "sagemaker.config"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with contextlib.redirect_stdout(sys.stderr):
        yield


def metric_definitions() -> list[dict[str, str]]:
    """Return the regular expressions with which SageMaker extracts the metrics from a job's log."""
    return [{"Name": name, "Regex": rf"\b{name}=([-+.0-9eE]+);"} for name in METRICS]


def model_trainer(workspace: Workspace, stack: Stack, request: TrainingRequest) -> Any:
    """Return a ``ModelTrainer`` for this stack's role, network, key and buckets; call it within `quiet`."""
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.shapes import Tag
    from sagemaker.core.training.configs import (
        CheckpointConfig,
        Compute,
        MetricDefinition,
        Networking,
        OutputDataConfig,
        SourceCode,
        StoppingCondition,
    )
    from sagemaker.train import ModelTrainer
    from sagemaker.train.distributed import Torchrun

    class Trainer(ModelTrainer):
        """The SDK's trainer, with code below source/: the SDK would upload it where jobs may write."""

        def _resolve_staging_bucket(self) -> tuple[str, None]:
            return artifact_bucket, None  # below source/, which jobs can read but not write

    settings, artifact_bucket = stack["training"], stack["artifact_bucket"]
    instance_type = request.instance_type or settings["instance_type"]
    source = artifacts.stage_classifier(workspace.root, workspace.build / "training-source", ENTRY)
    network = None
    if settings["subnet_ids"]:
        network = Networking(
            subnets=settings["subnet_ids"],
            security_group_ids=settings["security_group_ids"],
            # Hosts exchange gradients, from which photos can be reconstructed.
            enable_inter_container_traffic_encryption=request.instances > 1,
        )
    stopping = StoppingCondition(max_runtime_in_seconds=request.maximum_seconds)
    checkpoints = None
    if request.spot:
        # The limit includes waiting for capacity, for which it allows as long as for the job.
        stopping.max_wait_time_in_seconds = 2 * request.maximum_seconds
        # A folder of its own for each job: none continues from another job's checkpoint.
        uri = f"s3://{artifact_bucket}/checkpoints/{stack['name']}-{uuid.uuid4().hex[:12]}"
        checkpoints = CheckpointConfig(s3_uri=uri, local_path=CHECKPOINTS)
    trainer = Trainer(
        sagemaker_session=Session(
            default_bucket=artifact_bucket,
            default_bucket_prefix=f"{stack.uploads}{SOURCE}",
            sagemaker_client=session.client("sagemaker"),
        ),
        role=stack["roles"]["training"],
        base_job_name=f"{stack['name']}-{'features' if request.features_only else 'train'}",
        training_image=platforms.training_image(stack, instance_type),
        source_code=SourceCode(source_dir=str(source), entry_script=ENTRY[0]),
        compute=Compute(
            instance_type=instance_type,
            instance_count=request.instances,
            volume_size_in_gb=30,
            volume_kms_key_id=instance_types.volume_key(stack, instance_type),
            enable_managed_spot_training=request.spot,
        ),
        distributed=Torchrun() if request.instances > 1 else None,
        networking=network,
        stopping_condition=stopping,
        checkpoint_config=checkpoints,
        output_data_config=OutputDataConfig(
            s3_output_path=f"s3://{artifact_bucket}/training",
            kms_key_id=stack["kms_key_arn"],
            compression_type="NONE" if request.features_only else "GZIP",
        ),
        hyperparameters=request.arguments,
        tags=[Tag(key=key, value=value) for key, value in stack["tags"].items()],  # a tuning job has them too
    )
    return trainer.with_metric_definitions(
        [
            MetricDefinition(name=definition["Name"], regex=definition["Regex"])
            for definition in metric_definitions()
        ]
    )


def channels(stack: Stack, request: TrainingRequest) -> list[Any]:
    """Return the input channels of a job; call it within `quiet`."""
    from sagemaker.core.training.configs import InputData

    data = f"s3://{stack['data_bucket']}/datasets/{request.dataset}/"
    inputs = {"training": data} | request.inputs
    return [InputData(channel_name=name, data_source=uri) for name, uri in inputs.items()]


def tuner(
    workspace: Workspace, stack: Stack, request: TrainingRequest, search: Search, ranges: dict[str, Any]
) -> Any:
    """Return a ``HyperparameterTuner`` whose trials are such jobs; call it within `quiet`."""
    from sagemaker.train.tuner import HyperparameterTuner

    class Tuner(HyperparameterTuner):
        """The SDK's tuner, with the KMS key of the trials' volumes, which sagemaker-train 1.27.0 omits."""

        def _build_training_job_definition(self, inputs: Any) -> Any:
            definition = super()._build_training_job_definition(inputs)
            if trainer.compute.volume_kms_key_id:
                definition.resource_config.volume_kms_key_id = trainer.compute.volume_kms_key_id
            return definition

    trainer = model_trainer(workspace, stack, request)
    # For tuning jobs the SDK ignores the session's prefix and uploads the code where trials cannot read it;
    # the job's name places it below source/ instead.
    trainer.sagemaker_session.default_bucket_prefix = None
    trainer.base_job_name = f"{stack.uploads}{SOURCE}/{stack['name']}-tune"
    return Tuner(
        model_trainer=trainer,
        objective_metric_name=search.objective,
        objective_type="Minimize" if search.objective.endswith("loss") else "Maximize",
        hyperparameter_ranges=ranges,
        metric_definitions=metric_definitions(),
        strategy="Bayesian",
        max_jobs=search.trials,
        max_parallel_jobs=search.parallel,
        early_stopping_type="Auto",
        random_seed=search.seed or None,
    )
