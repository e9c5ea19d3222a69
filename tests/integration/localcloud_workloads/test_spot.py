"""Managed spot training: hosts taken back, and jobs that go on from their checkpoints."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from kennel.localcloud.connection import signed_headers

from .conftest import Stage, eventually
from .test_training import Jobs

# Counts to a number, an epoch every 50 ms; keeps where it stands; on SIGTERM prints a line and goes on.
COUNTS = """
import os, signal, time
from pathlib import Path
mark = Path(os.environ["CHECKPOINTS"], "epoch.txt")
signal.signal(signal.SIGTERM, lambda *_: print("asked to end"))
epoch = int(mark.read_text()) if mark.exists() else 0
print(f"begins after {epoch}")
while epoch < int(os.environ["EPOCHS"]):
    time.sleep(0.05); epoch += 1
    mark.with_suffix(".new").write_text(str(epoch)); mark.with_suffix(".new").rename(mark)
    print(f"epoch {epoch} loss={epoch};")
Path(os.environ["SM_MODEL_DIR"], "done.txt").write_text(str(epoch))
"""


@pytest.fixture(scope="module")
def jobs(stage: Stage) -> Jobs:
    return Jobs(stage)


def spot(jobs: Jobs, name: str, epochs: int, **extra: Any) -> str:
    uri = f"s3://{jobs.bucket}/checkpoints/{name}"
    return jobs.create(
        COUNTS,
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
        CheckpointConfig={"S3Uri": uri, "LocalPath": "/opt/ml/checkpoints"},
        Environment={"CHECKPOINTS": "/opt/ml/checkpoints", "EPOCHS": str(epochs)},
        **extra,
    )


def reclaim(jobs: Jobs, query: str, method: str = "POST") -> tuple[int, str]:
    url = f"{jobs.stage.environment['AWS_ENDPOINT_URL']}/_kennel/spot/reclaim?{query}"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(
                url, headers=signed_headers(jobs.stage.environment, method, url), method=method
            )
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def statuses(job: dict[str, Any]) -> list[str]:
    return [transition["Status"] for transition in job["SecondaryStatusTransitions"]]


def test_a_reclaimed_job_continues_from_its_checkpoint(jobs: Jobs) -> None:
    name = spot(jobs, "a", epochs=60)
    eventually(lambda: any("epoch 10 " in line for line in jobs.log(name)))
    assert reclaim(jobs, f"job={name}&notice=0.5")[0] == 200
    job = jobs.end(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    attempt = ["Starting", "Downloading", "Training"]
    assert statuses(job) == [*attempt, "Interrupted", *attempt, "Uploading", "Completed"]
    assert jobs.archive(name) == {"done.txt": "60"}
    lines = jobs.log(name)
    assert "asked to end" in lines
    begins = [int(line.split()[-1]) for line in lines if line.startswith("begins after")]
    assert begins[0] == 0
    assert begins[1] >= 10
    assert sum(line.startswith("epoch 60 ") for line in lines) == 1
    assert job["FinalMetricDataList"][0]["Value"] == 60


def test_only_the_time_on_hosts_is_billed(jobs: Jobs) -> None:
    name = spot(jobs, "billed", epochs=120)
    eventually(lambda: any("epoch 5 " in line for line in jobs.log(name)))
    assert reclaim(jobs, f"job={name}&notice=0")[0] == 200
    job = jobs.end(name)
    assert job["TrainingJobStatus"] == "Completed"
    assert 3 <= job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]
    assert "asked to end" not in jobs.log(name)  # SIGKILL, unannounced


def test_every_host_of_a_reclaimed_job_comes_back(jobs: Jobs) -> None:
    name = spot(jobs, "two", epochs=40, hosts=2)
    eventually(lambda: sum("epoch 10 " in line for line in jobs.log(name)) == 2)
    assert reclaim(jobs, f"job={name}&notice=0.5")[0] == 200
    assert jobs.end(name)["TrainingJobStatus"] == "Completed"
    assert sum(line.startswith("begins after") for line in jobs.log(name)) == 4


def test_a_stopped_job_does_not_come_back(jobs: Jobs) -> None:
    name = spot(jobs, "stopped", epochs=400)
    eventually(lambda: any("epoch 3 " in line for line in jobs.log(name)))
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    reclaim(jobs, f"job={name}&notice=0")
    eventually(lambda: "asked to end" in jobs.log(name))
    job = jobs.end(name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert statuses(job).count("Downloading") == 1


def test_waiting_and_running_have_a_limit_together(jobs: Jobs) -> None:
    name = jobs.create(
        "import time; time.sleep(300)",
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2},
    )
    job = jobs.end(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


@pytest.mark.parametrize(
    "extra",
    [
        {"EnableManagedSpotTraining": True, "StoppingCondition": {"MaxRuntimeInSeconds": 60}},
        {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59},
        },
        {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
    ],
)
def test_limits_that_do_not_fit_are_refused(jobs: Jobs, extra: dict[str, Any]) -> None:
    with pytest.raises(jobs.sagemaker.exceptions.ClientError, match="MaxWaitTimeInSeconds"):
        jobs.create("pass", **extra)


def test_what_cannot_be_reclaimed_is_named(jobs: Jobs) -> None:
    name = jobs.create("pass")
    assert reclaim(jobs, f"job={name}")[0] == 409
    assert "no managed spot" in reclaim(jobs, f"job={name}")[1]
    assert reclaim(jobs, "job=missing")[0] == 404
    assert reclaim(jobs, f"job={name}&notice=soon")[0] == 400
    assert reclaim(jobs, f"job={name}", method="GET")[0] == 405
    done = spot(jobs, "done", epochs=1)
    jobs.end(done)
    status, body = reclaim(jobs, f"job={done}")
    assert status == 409
    assert "it is Completed" in json.loads(body)["message"]
