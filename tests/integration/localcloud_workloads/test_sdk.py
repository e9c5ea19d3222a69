"""The SageMaker SDK's own ModelTrainer, under torchrun, against the local cloud."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from kennel.localcloud import lifecycle
from kennel.localcloud.connection import SDK_PLUGIN

from .conftest import ACCOUNT, started

SCRIPT = """
import argparse, json, os
import torch
import torch.distributed as dist
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--batch-size", type=int)
options = parser.parse_args()
total = torch.ones(1)
if int(os.environ["WORLD_SIZE"]) > 1:
    dist.init_process_group("gloo")
    dist.all_reduce(total)
    dist.barrier()
    dist.destroy_process_group()
if os.environ["RANK"] == "0":
    photos = os.listdir(os.environ["SM_CHANNEL_TRAINING"])
    report = {"lr": options.lr, "batch": options.batch_size, "photos": photos}
    with open(os.path.join(os.environ["SM_MODEL_DIR"], "report.json"), "w") as file:
        json.dump(report, file)
    print(f"val_loss=0.5; hosts={total.item():.0f};")
"""

TRAIN = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.training.configs import Compute, InputData, MetricDefinition, OutputDataConfig, SourceCode
from sagemaker.train import ModelTrainer
from sagemaker.train.distributed import Torchrun
bucket, role, hosts = sys.argv[1], sys.argv[2], int(sys.argv[3])
trainer = ModelTrainer(
    sagemaker_session=Session(), role=role, base_job_name="dogs",
    training_image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312-ubuntu22.04",
    source_code=SourceCode(source_dir="source", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=hosts, volume_size_in_gb=30),
    distributed=Torchrun(process_count_per_node=1),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/out"),
    hyperparameters={"lr": 0.01, "batch-size": 64},
).with_metric_definitions([MetricDefinition(name="hosts", regex="hosts=([0-9]+);")])
trainer.train(input_data_config=[InputData(channel_name="training", data_source=f"s3://{bucket}/data")],
              wait=True, logs=True)
"""


@pytest.mark.parametrize("hosts", [1])  # two: tests/e2e/test_learning.py
def test_the_model_trainer_trains_and_shows_the_log(tmp_path: Path, hosts: int) -> None:
    directory = tmp_path / "a cloud's folder"  # the SDK's scripts quote nothing
    stage = started(directory)
    try:
        bucket, s3 = stage.bucket(), stage.client("s3")
        s3.put_object(Bucket=bucket, Key="data/photo.jpg", Body=b"x")
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / "train.py").write_text(SCRIPT)
        (tmp_path / "quiet.yaml").write_text(
            "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, bucket, stage.role("sagemaker.amazonaws.com"), str(hosts)],
            cwd=tmp_path,
            env={
                **os.environ,
                **stage.environment,
                # As `local.env` sets it: the SDK asks STS at AWS's own host for its default bucket's name.
                "PYTHONPATH": os.pathsep.join([str(SDK_PLUGIN.parent), *sys.path]),
                "SAGEMAKER_USER_CONFIG_OVERRIDE": str(tmp_path / "quiet.yaml"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"hosts={hosts};" in done.stdout  # the job's own line, through CloudWatch Logs
        (job,) = stage.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
        name = job["TrainingJobName"]
        described = stage.client("sagemaker").describe_training_job(TrainingJobName=name)
        assert described["TrainingJobStatus"] == "Completed"
        assert described["FinalMetricDataList"][0]["Value"] == hosts
        body = s3.get_object(Bucket=bucket, Key=f"out/{name}/output/model.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            report = json.load(archive.extractfile("report.json"))  # type: ignore[arg-type]
        uploaded = s3.list_objects_v2(Bucket=f"sagemaker-us-east-1-{ACCOUNT}")["Contents"]
        assert [entry["Key"] for entry in uploaded if entry["Key"].endswith("/train.py")]
        assert report == {"lr": 0.01, "batch": 64, "photos": ["photo.jpg"]}
        streams = stage.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")
        assert len(streams["logStreams"]) == hosts
    finally:
        lifecycle.down(directory)
