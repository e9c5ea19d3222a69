"""Several hosts, an interruption, a search: each gives the same model as one uninterrupted host."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kennel.aws import session
from kennel.aws.training import best, joblogs, pretrained, sdk, training_jobs, tuning
from kennel.localcloud.connection import administer

pytestmark = [pytest.mark.slow, pytest.mark.cloud]

# Long enough to be interrupted in the middle: the last stages of the backbone learn, epoch by epoch.
UNFROZEN = {"epochs": "5", "unfreeze": "1", "checkpoint-seconds": "0", "plots": "false"}
HOSTS, NOTICE = 2, 2.0  # a notice in seconds; without one, S3 may have no checkpoint yet
SAME = ("val_loss", "test_loss", "test_top1", "macro_f1", "ece")


def assert_same_metrics(metrics: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    for name in SAME:
        assert metrics[name] == pytest.approx(expected[name], abs=tolerance), name


def lines(deployed: Any, job: str) -> list[str]:
    return list(joblogs.new_lines(deployed.stack["training"]["log_group"], f"{job}/", {}))


def train(deployed: Any, hyperparameters: dict[str, str], **settings: Any) -> dict[str, Any]:
    request = training_jobs.compose(
        deployed.stack, dataset="tiny", hyperparameters=hyperparameters, **settings
    )
    return training_jobs.train(deployed.workspace, deployed.stack, request)


@pytest.fixture(scope="module")
def alone(deployed: Any) -> dict[str, Any]:
    """A training on one host, with the weights that a package ships."""
    return train(deployed, {"epochs": "2", "plots": "false"}, weights="package")


@pytest.fixture(scope="module")
def uninterrupted(deployed: Any) -> dict[str, Any]:
    """A training on two hosts."""
    return train(deployed, UNFROZEN, instances=HOSTS)


# That they learn what one host learns: tests/integration/classifier/test_hosts.py
def test_more_hosts_train_together(deployed: Any, uninterrupted: dict[str, Any]) -> None:
    assert uninterrupted["instances"] == HOSTS
    described = session.client("sagemaker").describe_training_job(TrainingJobName=uninterrupted["job"])
    assert described["EnableInterContainerTrafficEncryption"]
    tags = session.client("sagemaker").list_tags(ResourceArn=described["TrainingJobArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == deployed.stack["tags"]
    assert len(uninterrupted["logs"]["streams"]) == HOSTS
    logged = lines(deployed, uninterrupted["job"])
    for host in range(1, HOSTS + 1):
        assert any(line.startswith(f"host {host} of {HOSTS}:") for line in logged)


@contextmanager
def reclaiming(deployed: Any, job: Callable[[], str | None], line: str, notice: float) -> Iterator[None]:
    """Reclaim a job's hosts as soon as it has logged a line that begins with ``line``."""

    def watch() -> None:
        while not ended.wait(0.2):
            name = job()
            if name and any(logged.startswith(line) for logged in lines(deployed, name)):
                administer(os.environ, "spot/reclaim", job=name, notice=notice)
                return

    ended, thread = threading.Event(), threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_an_interrupted_training_has_the_metrics_of_an_uninterrupted_one(
    deployed: Any, uninterrupted: dict[str, Any]
) -> None:
    names: list[str] = []

    def note_job(line: str) -> None:
        if line.startswith("job "):
            names.append(line.split()[1].rstrip(":"))

    request = training_jobs.compose(
        deployed.stack, dataset="tiny", hyperparameters=UNFROZEN, instances=HOSTS, spot=True
    )
    with reclaiming(deployed, lambda: names[0] if names else None, "epoch=2;", NOTICE):
        interrupted = training_jobs.train(deployed.workspace, deployed.stack, request, note_job)
    assert interrupted["interruptions"] == 1
    logged = lines(deployed, interrupted["job"])
    assert any("resumed after epoch" in line for line in logged)
    assert sum(line.startswith("epoch=1;") for line in logged) == 1
    assert_same_metrics(interrupted["metrics"], uninterrupted["metrics"], 1e-6)


@pytest.fixture(scope="module")
def tuned(deployed: Any) -> dict[str, Any]:
    request = training_jobs.compose(deployed.stack, dataset="tiny", hyperparameters={"epochs": "4"})
    search = sdk.Search(trials=2, parallel=2, seed=1)
    return tuning.tune(deployed.workspace, deployed.stack, request, search)


def test_the_best_of_the_trials_is_kept(deployed: Any, tuned: dict[str, Any]) -> None:
    completed = [trial for trial in tuned["trials"] if trial["status"] == "Completed"]
    assert len(tuned["trials"]) == 2
    assert tuned["best"]["objective"] == min(trial["objective"] for trial in completed)
    assert all(trial["train_seconds"] < trial["seconds"] for trial in completed)
    kept = best.read(deployed.stack, tuned["job"])
    assert kept.hyperparameters == tuned["best"]["hyperparameters"]
    assert kept.trial == tuned["best"]["name"]
    described = session.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuned["job"]
    )
    assert best.of(described) == kept  # what is read where no record was written


def test_trials_have_the_key_role_and_code_folder_of_any_training(
    deployed: Any, tuned: dict[str, Any]
) -> None:
    trial = session.client("sagemaker").describe_training_job(TrainingJobName=tuned["best"]["name"])
    assert trial["ResourceConfig"]["VolumeKmsKeyId"] == deployed.stack["kms_key_arn"]
    assert trial["OutputDataConfig"]["KmsKeyId"] == deployed.stack["kms_key_arn"]
    assert trial["RoleArn"] == deployed.stack["roles"]["training"]
    tags = session.client("sagemaker").list_tags(ResourceArn=trial["TrainingJobArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == deployed.stack["tags"], "what the budget counts by"
    code = trial["HyperParameters"]["sagemaker_submit_directory"]
    assert code.startswith(f"s3://{deployed.stack['artifact_bucket']}/source/")


def test_trials_read_the_features_that_were_computed_once(deployed: Any, tuned: dict[str, Any]) -> None:
    logged = lines(deployed, tuned["best"]["name"])
    assert not any("features of" in line for line in logged)


def test_training_the_best_trial_again_gives_its_result(deployed: Any, tuned: dict[str, Any]) -> None:
    request = training_jobs.compose(deployed.stack, best_of=tuned["job"])
    assert request.dataset == "tiny"
    assert request.inputs["features"] == tuned["features"]
    record = training_jobs.train(deployed.workspace, deployed.stack, request)
    assert record["metrics"]["val_loss"] == pytest.approx(tuned["best"]["objective"], abs=1e-4)


def test_an_interrupted_search_is_stopped(deployed: Any, tuned: dict[str, Any]) -> None:
    request = training_jobs.compose(deployed.stack, best_of=tuned["job"])
    seen: list[str] = []

    def interrupt(trials: list[tuning.TrialSummary]) -> None:
        if trials:
            seen.append(trials[0].name)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuning.tune(
            deployed.workspace, deployed.stack, request, sdk.Search(trials=9, parallel=1), show=interrupt
        )
    job = seen[0].rsplit("-", 2)[0]
    describe = session.client("sagemaker").describe_hyper_parameter_tuning_job
    assert describe(HyperParameterTuningJobName=job)["HyperParameterTuningJobStatus"] in (
        "Stopping",
        "Stopped",
    )
    deadline = time.monotonic() + 60
    while (status := describe(HyperParameterTuningJobName=job)["HyperParameterTuningJobStatus"]) != "Stopped":
        assert time.monotonic() < deadline, status
        time.sleep(0.2)
    assert len(tuning.trials_in(job)) <= 2


def test_uploaded_weights_give_the_same_model_as_packaged_ones(deployed: Any, alone: dict[str, Any]) -> None:
    pretrained.upload(deployed.stack["data_bucket"], "package")
    settings = {"epochs": "2", "plots": "false"}
    request = training_jobs.compose(deployed.stack, dataset="tiny", hyperparameters=settings)
    assert set(request.inputs) == {"pretrained"}
    uploaded = training_jobs.train(deployed.workspace, deployed.stack, request)
    assert_same_metrics(uploaded["metrics"], alone["metrics"], 1e-6)
