"""Training jobs: what is checked before they run, and what is recorded of them afterwards."""

from __future__ import annotations

import io
import json
import re
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from kennel.aws import StackError
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace
from kennel.aws.training import best, pretrained, sdk, training_jobs, tuning
from kennel.aws.training.best import Best
from kennel.classifier import joblog
from kennel.errors import KennelError

FEATURES = "s3://artifacts/training/kennel-local-features-1/output/model/"
BEST = Best(
    job="kennel-local-tune-1",
    trial="kennel-local-tune-1-003-0a1b2c3d",
    objective="val_loss",
    value=0.25,
    hyperparameters={"arch": "resnet50", "lr": "0.003", "epochs": "10"},
    dataset="dogs",
    features=FEATURES,
)


def put(key: str, body: bytes = b"x", bucket: str = "artifacts") -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


def test_nothing_given_leaves_everything_to_the_script(stack: Stack) -> None:
    request = training_jobs.compose(stack)
    assert request.dataset == "dogs"
    assert request.arguments == {"arch": "efficientnet_lite0"}
    assert request.inputs == {}


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"dropout": "2"}, "--dropout: 2 is not at least 0 and at most 0.95"),
        ({"epochs": "0"}, "--epochs"),
        ({"lr": "fast"}, "--lr"),
        ({"momentum": "0.9"}, "unrecognized arguments: --momentum"),
    ],
)
def test_the_scripts_own_parser_refuses_before_an_instance_starts(
    stack: Stack, hyperparameters: dict[str, str], message: str
) -> None:
    with pytest.raises(StackError, match=re.escape(message)):
        training_jobs.compose(stack, hyperparameters=hyperparameters)


def test_an_absent_data_set_is_named(stack: Stack) -> None:
    with pytest.raises(StackError, match=r"no data set 'cats' in data: run \./kennel data\.upload"):
        training_jobs.compose(stack, dataset="cats")


def test_the_best_trial_is_taken_with_its_features(stack: Stack) -> None:
    best.write(stack, BEST)
    put("training/kennel-local-features-1/output/model/rows.f32")
    request = training_jobs.compose(stack, best_of=BEST.job, hyperparameters={"epochs": "3"})
    assert request.hyperparameters == {"arch": "resnet50", "lr": "0.003", "epochs": "3"}
    assert request.inputs == {"features": FEATURES}


@pytest.mark.parametrize("hyperparameters", [{"unfreeze": "1"}, {"arch": "efficientnet_lite0"}])
def test_features_are_left_where_they_are_of_no_use(stack: Stack, hyperparameters: dict[str, str]) -> None:
    best.write(stack, BEST)
    put("training/kennel-local-features-1/output/model/rows.f32")
    assert training_jobs.compose(stack, best_of=BEST.job, hyperparameters=hyperparameters).inputs == {}


def test_features_that_are_gone_are_computed_again(stack: Stack) -> None:
    best.write(stack, BEST)
    assert training_jobs.compose(stack, best_of=BEST.job).inputs == {}


def test_without_a_record_sagemaker_is_asked() -> None:
    source = {"S3DataSource": {"S3Uri": "s3://data/datasets/dogs/"}}
    features = {"S3DataSource": {"S3Uri": FEATURES}}
    described: dict[str, Any] = {
        "HyperParameterTuningJobName": BEST.job,
        "BestTrainingJob": {
            "TrainingJobName": BEST.trial,
            "TunedHyperParameters": {"lr": "0.003", "arch": '"resnet50"'},
            "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "val_loss", "Value": 0.25},
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {
                "epochs": "10",
                **best.OF_TRIALS,
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": "s3://x/y",
                "_tuning_objective_metric": "val_loss",
            },
            "InputDataConfig": [
                {"ChannelName": "training", "DataSource": source},
                {"ChannelName": "features", "DataSource": features},
            ],
        },
    }
    assert best.of(described) == BEST
    assert best.of({**described, "BestTrainingJob": None}) is None


def test_an_unknown_tuning_job_is_named(stack: Stack) -> None:
    with pytest.raises(StackError, match="no tuning job 'nobody'"):
        best.read(stack, "nobody")


def test_uploaded_weights_are_used_where_they_are_the_networks(stack: Stack) -> None:
    put("pretrained/resnet50-11ad3fa6.pth", bucket="data")
    channel = {"pretrained": "s3://data/pretrained/"}
    assert training_jobs.compose(stack, hyperparameters={"arch": "resnet50"}).inputs == channel
    assert training_jobs.compose(stack).inputs == {}
    from_scratch = training_jobs.compose(stack, hyperparameters={"arch": "resnet50", "pretrained": "false"})
    assert from_scratch.inputs == {}


def test_other_weights_can_be_asked_for(stack: Stack) -> None:
    put("pretrained/efficientnet_lite0.pth", bucket="data")
    request = training_jobs.compose(stack, weights="package")
    assert request.inputs == {}
    assert request.arguments["weights"] == "package"
    with pytest.raises(StackError, match=r"no weights of resnet50 .* data\.upload --weights"):
        training_jobs.compose(stack, weights="channel", hyperparameters={"arch": "resnet50"})
    with pytest.raises(StackError, match="unknown weights 'mine'"):
        training_jobs.compose(stack, weights="mine")


def test_only_a_state_dict_is_uploaded(stack: Stack, tmp_path: Path) -> None:
    import torch

    torch.save({"weight": torch.ones(1)}, tmp_path / "resnet50.pth")
    assert pretrained.upload("data", str(tmp_path / "resnet50.pth")) == "s3://data/pretrained/resnet50.pth"
    (tmp_path / "broken.pth").write_bytes(b"not weights")
    for name in ("broken.pth", "missing.pth", "weights.zip"):
        with pytest.raises(KennelError, match=name.partition(".")[0]):
            pretrained.upload("data", str(tmp_path / name))


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("_json", ".json"))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def job(uri: str, **more: Any) -> dict[str, Any]:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "TrainingJobName": "kennel-local-train-1",
        "TrainingJobStatus": "Completed",
        "ResourceConfig": {"InstanceCount": 2},
        "ModelArtifacts": {"S3ModelArtifacts": uri},
        "FinalMetricDataList": [{"MetricName": "val_loss", "Value": 0.3}],
        "TrainingStartTime": began,
        "TrainingEndTime": began + timedelta(seconds=61.25),
        **more,
    }


def test_a_record_has_the_models_own_metrics(stack: Stack) -> None:
    put("m.tar.gz", archive(history="x", metrics_json=json.dumps({"val_loss": 0.2999999, "ece": 0.01})))
    record = training_jobs.record(job("s3://artifacts/m.tar.gz"))
    assert record["metrics"] == {"val_loss": 0.2999999, "ece": 0.01}
    assert (record["instances"], record["seconds"]) == (2, 61.2)


@pytest.mark.parametrize(
    "body", [archive(other="x"), b"no archive at all"], ids=["another file", "no archive"]
)
def test_a_model_without_metrics_leaves_what_was_printed(stack: Stack, body: bytes) -> None:
    put("m.tar.gz", body)
    assert training_jobs.record(job("s3://artifacts/m.tar.gz"))["metrics"] == {"val_loss": 0.3}


def test_a_spot_jobs_record_says_how_often_it_was_interrupted(stack: Stack) -> None:
    put("m.tar.gz", archive(other="x"))
    statuses = ["Starting", "Training", "Interrupted", "Training", "Interrupted", "Completed"]
    spot = job(
        "s3://artifacts/m.tar.gz",
        EnableManagedSpotTraining=True,
        BillableTimeInSeconds=20,
        SecondaryStatusTransitions=[{"Status": status} for status in statuses],
    )
    record = training_jobs.record(spot)
    assert (record["interruptions"], record["billable_seconds"]) == (2, 20)


def test_every_printed_metric_is_found_once(capsys: pytest.CaptureFixture[str]) -> None:
    values = {
        "train_seconds": 12.3,
        "val_loss": 0.5,
        "val_top1": 0.75,
        "test_loss": 1e-07,
        "macro_f1": 1.0,
        "ece": 0.0123456,
    }
    joblog.print_metrics(values)
    printed = capsys.readouterr().out
    values_by_name = {
        definition["Name"]: [float(text) for text in re.findall(definition["Regex"], printed)]
        for definition in sdk.metric_definitions()
    }
    assert {name: numbers for name, numbers in values_by_name.items() if numbers} == {
        n: [v] for n, v in values.items()
    }


def test_a_tuning_jobs_name_leaves_room_for_its_trials() -> None:
    for stack_name in ("kennel-local", "a-very-long-project-name-production"):
        name = tuning.job_name(stack_name)
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", name)
        assert name.startswith(stack_name[:10])


def test_the_tuner_searches_these_ranges() -> None:
    with sdk.quiet():
        ranges = tuning.search_ranges()

    described = [(type(ranges[name]).__name__, ranges[name].as_tuning_range(name)) for name in ranges]
    logarithmic, linear = "Logarithmic", "Linear"
    expected = [
        ("Continuous", "lr", "0.0001", "0.03", logarithmic),
        ("Integer", "batch-size", "16", "128", logarithmic),
        ("Continuous", "dropout", "0.0", "0.6", linear),
        ("Continuous", "label-smoothing", "0.0", "0.2", linear),
    ]
    assert [
        (
            kind.removesuffix("Parameter"),
            *(text[key] for key in ("Name", "MinValue", "MaxValue", "ScalingType")),
        )
        for kind, text in described
        if kind != "CategoricalParameter"
    ] == expected
    assert ranges["head-width"].as_tuning_range("head-width")["Values"] == ["0", "128", "256", "512"]


@pytest.mark.parametrize("unfreeze", ["1", "1.0", 2])
def test_fine_tuning_is_not_tuned(stack: Stack, unfreeze: object, tmp_path: Path) -> None:
    request = sdk.TrainingRequest("dogs", {"arch": "efficientnet_lite0", "unfreeze": unfreeze})
    with pytest.raises(StackError, match="leave --unfreeze to train"):
        tuning.tune(Workspace("local", tmp_path), stack, request, sdk.Search())


def test_more_trials_at_once_than_trials_are_refused() -> None:
    with pytest.raises(StackError, match="--parallel 3 must be between 1 and --trials 2"):
        sdk.Search(trials=2, parallel=3)
