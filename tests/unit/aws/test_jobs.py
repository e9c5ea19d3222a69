"""The stack's jobs: which belong to it, in which order, what is said of them, and how one is stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from kennel.aws import StackError, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import comparison, jobs

ROLE = "arn:aws:iam::123456789012:role/kennel-local-training"
BEGAN = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """The stack of all tests of this folder, with a role for its jobs."""
    return Stack(stack.outputs | {"roles": {"training": ROLE}})


def train(name: str, role: str = ROLE, **hyperparameters: str) -> str:
    boto3.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=role,
        HyperParameters=hyperparameters,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://artifacts/training"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    return name


def test_jobs_of_all_types_are_listed_newest_first(stack: Stack) -> None:
    first = train("kennel-local-train-1")
    boto3.client("sagemaker").create_processing_job(
        ProcessingJobName="kennel-local-prepare",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": "i"},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )
    last = train("kennel-local-train-2")

    assert [job.name for job in jobs.newest(stack)] == [last, "kennel-local-prepare", first]
    assert [job.name for job in jobs.newest(stack, "processing")] == ["kennel-local-prepare"]
    assert [job.name for job in jobs.newest(stack, limit=1)] == [last]


def test_jobs_of_other_stacks_and_trials_are_left_out(stack: Stack) -> None:
    train("kennel-local-2-train", role="arn:aws:iam::123456789012:role/kennel-local-2-training")
    trial = train("kennel-local-tune-1127-005844-003-f53b68b6")
    mine = train("kennel-local-train-1")

    assert [job.name for job in jobs.newest(stack)] == [mine]
    assert {job.name for job in jobs.newest(stack, trials=True)} == {mine, trial}


def test_an_unknown_job_names_the_most_similar(stack: Stack) -> None:
    train("kennel-local-train-20261127")

    with pytest.raises(StackError, match=r"no job kennel-local-train-2026112 \(did you mean .*1127\?\)"):
        jobs.find(stack, "kennel-local-train-2026112")
    with pytest.raises(StackError, match=r"there is no job x: \./kennel jobs lists them"):
        jobs.find(stack, "x")


def described(**more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": "kennel-local-train-1",
        "TrainingJobStatus": "Completed",
        "CreationTime": BEGAN,
        "TrainingStartTime": BEGAN,
        "TrainingEndTime": BEGAN + timedelta(seconds=93),
        "BillableTimeInSeconds": 40,
        "ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large"},
        "FinalMetricDataList": [
            {"MetricName": "val_loss", "Value": 0.25},
            {"MetricName": "test_top1", "Value": 0.9375},
        ],
        **more,
    }


def test_a_training_shows_its_seconds_instances_and_top_1() -> None:
    job = jobs.summary("training", described())

    assert (job.seconds, job.billable_seconds, job.instances) == (93.0, 40, 2)
    assert job.metric == ("test_top1", 0.9375)
    assert job.as_dict()["created"] == "2026-11-27T10:00:00+00:00"


def test_what_has_not_begun_has_no_seconds() -> None:
    job = jobs.summary("training", described(TrainingStartTime=None, TrainingEndTime=None))

    assert job.seconds is None


def test_a_tuning_job_shows_its_objective_and_how_many_trials_have_ended() -> None:
    job = jobs.summary(
        "tuning",
        {
            "HyperParameterTuningJobName": "kennel-local-tune-1",
            "HyperParameterTuningJobStatus": "InProgress",
            "CreationTime": BEGAN,
            "HyperParameterTuningEndTime": BEGAN + timedelta(seconds=40),
            "HyperParameterTuningJobConfig": {
                "ResourceLimits": {"MaxParallelTrainingJobs": 2, "MaxNumberOfTrainingJobs": 20}
            },
            "TrainingJobDefinition": {
                "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
                "RoleArn": ROLE,
            },
            "TrainingJobStatusCounters": {"Completed": 3, "Stopped": 1, "InProgress": 2},
            "BestTrainingJob": {
                "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "val_loss", "Value": 0.5}
            },
        },
    )

    assert (job.instances, job.trials, job.metric) == (2, (4, 20), ("val_loss", 0.5))


class Stoppable:
    """Stands for SageMaker with one training job that goes through statuses, one a description."""

    def __init__(self, *statuses: str, refusal: str = "") -> None:
        self.statuses, self.refusal, self.stops = list(statuses), refusal, 0

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return described(TrainingJobStatus=status, TrainingJobName=TrainingJobName)

    def stop_training_job(self, TrainingJobName: str) -> None:  # noqa: N803 - botocore's name
        self.stops += 1
        if self.refusal:
            details = {"Code": self.refusal, "Message": "The request was rejected"}
            raise ClientError({"Error": details}, "StopTrainingJob")  # type: ignore[typeddict-item]  # in part


@pytest.mark.parametrize(
    ("statuses", "refusal", "stops", "result"),
    [
        (["InProgress", "Stopping", "Stopped"], "", 1, ("Stopped", True)),
        (["Stopping", "Stopped"], "", 0, ("Stopped", False)),
        (["Completed"], "", 0, ("Completed", False)),
        (["InProgress", "Completed"], "ValidationException", 1, ("Completed", False)),
    ],
    ids=["running", "stopping", "ended", "ended meanwhile"],
)
def test_a_job_is_stopped_once_and_waited_for(
    statuses: list[str],
    refusal: str,
    stops: int,
    result: tuple[str, bool],
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sagemaker = Stoppable(*statuses, refusal=refusal)
    monkeypatch.setattr(session, "client", lambda service: sagemaker)
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    job, stopped = jobs.stop(stack, "kennel-local-train-1")

    assert ((job.status, stopped), sagemaker.stops) == (result, stops)


def test_a_refused_stop_is_an_error(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    sagemaker = Stoppable("InProgress", refusal="AccessDeniedException")
    monkeypatch.setattr(session, "client", lambda service: sagemaker)

    with pytest.raises(ClientError, match="AccessDenied"):
        jobs.stop(stack, "kennel-local-train-1")


def test_a_comparison_has_the_settings_that_differ_and_all_metrics(stack: Stack) -> None:
    train("kennel-local-train-1", epochs="3", arch='"resnet50"', sagemaker_program="train.py")
    train("kennel-local-train-2", epochs="5", arch='"resnet50"', lr="0.1")

    compared = comparison.trainings(stack, ["kennel-local-train-1", "kennel-local-train-2"])

    assert comparison.differing(compared) == {"epochs": ["3", "5"], "lr": [None, "0.1"]}
    assert compared[0].settings["arch"] == "resnet50"
    assert all(len(row) == 2 for row in comparison.metrics(compared).values())


def test_processing_jobs_are_not_compared(stack: Stack) -> None:
    boto3.client("sagemaker").create_processing_job(
        ProcessingJobName="kennel-local-prepare",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": "i"},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )

    with pytest.raises(StackError, match="is a processing job: compare takes"):
        comparison.trainings(stack, ["kennel-local-prepare"])
