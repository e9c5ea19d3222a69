"""Several hosts, an interruption, a search: each ends with the model that one quiet host would make."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from kennel.aws import best, joblogs, pretrained, sdk, session, training_jobs, tuning

pytestmark = [pytest.mark.slow, pytest.mark.cloud]

# Long enough to be interrupted in the middle: the last stages of the backbone learn, epoch by epoch.
UNFROZEN = {"epochs": "6", "unfreeze": "1", "checkpoint-seconds": "0"}
SAME = ("val_loss", "test_loss", "test_top1", "macro_f1", "ece")


def same_metrics(one: dict[str, Any], other: dict[str, Any], tolerance: float) -> None:
    for name in SAME:
        assert one["metrics"][name] == pytest.approx(other["metrics"][name], abs=tolerance), name


def lines(deployed: Any, job: str) -> list[str]:
    return list(joblogs.new_lines(deployed.stack["training"]["log_group"], f"{job}/", {}))


def train(deployed: Any, hyperparameters: dict[str, str], **settings: Any) -> dict[str, Any]:
    request = training_jobs.compose(
        deployed.stack, dataset="tiny", hyperparameters=hyperparameters, **settings
    )
    return training_jobs.train(deployed.workspace, deployed.stack, request)


@pytest.mark.parametrize("hosts", [2])  # three: tests/integration/classifier/test_hosts.py
def test_more_hosts_learn_the_same(deployed: Any, hosts: int) -> None:
    alone = train(deployed, {"epochs": "3"})
    together = train(deployed, {"epochs": "3"}, instances=hosts)
    assert together["instances"] == hosts
    same_metrics(alone, together, 0.005)
    assert len(together["logs"]["streams"]) == hosts
    said = lines(deployed, together["job"])
    for host in range(1, hosts + 1):
        assert any(line.startswith(f"host {host} of {hosts}:") for line in said)


def reclaim_when(deployed: Any, job: Callable[[], str | None], line: str, notice: float) -> threading.Thread:
    """Take a job's hosts back as soon as it has logged a line that begins so."""

    def watch() -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            name = job()
            if name and any(one.startswith(line) for one in lines(deployed, name)):
                url = f"{session.endpoint_url()}/_kennel/spot/reclaim?job={name}&notice={notice}"
                urllib.request.urlopen(urllib.request.Request(url, method="POST")).read()
                return
            time.sleep(0.2)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(("hosts", "notice"), [(2, 2.0)])
def test_an_interrupted_training_ends_like_a_quiet_one(deployed: Any, hosts: int, notice: float) -> None:
    quiet = train(deployed, UNFROZEN, instances=hosts)
    names: list[str] = []

    def tell(line: str) -> None:
        if line.startswith("job "):
            names.append(line.split()[1].rstrip(":"))

    request = training_jobs.compose(
        deployed.stack, dataset="tiny", hyperparameters=UNFROZEN, instances=hosts, spot=True
    )
    watcher = reclaim_when(deployed, lambda: names[0] if names else None, "epoch=2;", notice)
    interrupted = training_jobs.train(deployed.workspace, deployed.stack, request, tell)
    watcher.join(1)
    assert interrupted["interruptions"] == 1
    said = lines(deployed, interrupted["job"])
    if notice:  # of hosts that went unannounced S3 may have no checkpoint yet
        assert any("resumed after epoch" in line for line in said)
        assert sum(line.startswith("epoch=1;") for line in said) == 1
    same_metrics(quiet, interrupted, 1e-6)


@pytest.fixture(scope="module")
def tuned(deployed: Any) -> dict[str, Any]:
    request = training_jobs.compose(deployed.stack, dataset="tiny", hyperparameters={"epochs": "4"})
    search = sdk.Search(trials=4, parallel=2, seed=1)
    return tuning.tune(deployed.workspace, deployed.stack, request, search)


def test_the_best_of_the_trials_is_kept(deployed: Any, tuned: dict[str, Any]) -> None:
    completed = [one for one in tuned["trials"] if one["status"] == "Completed"]
    assert len(tuned["trials"]) == 4
    assert tuned["best"]["objective"] == min(one["objective"] for one in completed)
    assert all(one["train_seconds"] < one["seconds"] for one in completed)
    kept = best.read(deployed.stack, tuned["job"])
    assert kept.hyperparameters == tuned["best"]["hyperparameters"]
    assert kept.trial == tuned["best"]["name"]
    described = session.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuned["job"]
    )
    assert best.of(described) == kept  # what is read where no record was written


def test_trials_are_encrypted_and_fenced_in_like_any_training(deployed: Any, tuned: dict[str, Any]) -> None:
    trial = session.client("sagemaker").describe_training_job(TrainingJobName=tuned["best"]["name"])
    assert trial["ResourceConfig"]["VolumeKmsKeyId"] == deployed.stack["kms_key_arn"]
    assert trial["OutputDataConfig"]["KmsKeyId"] == deployed.stack["kms_key_arn"]
    assert trial["RoleArn"] == deployed.stack["roles"]["training"]
    code = trial["HyperParameters"]["sagemaker_submit_directory"]
    assert code.startswith(f"s3://{deployed.stack['artifact_bucket']}/source/")


def test_trials_read_the_features_that_were_computed_once(deployed: Any, tuned: dict[str, Any]) -> None:
    said = lines(deployed, tuned["best"]["name"])
    assert not any("features of" in line for line in said)


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


def test_uploaded_weights_teach_the_same_as_packaged_ones(deployed: Any) -> None:
    packaged = train(deployed, {"epochs": "2"}, weights="package")
    pretrained.upload(deployed.stack["data_bucket"], "package")
    request = training_jobs.compose(deployed.stack, dataset="tiny", hyperparameters={"epochs": "2"})
    assert set(request.inputs) == {"pretrained"}
    uploaded = training_jobs.train(deployed.workspace, deployed.stack, request)
    same_metrics(packaged, uploaded, 1e-6)
