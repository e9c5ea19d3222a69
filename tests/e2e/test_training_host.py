"""Training on the EC2 host of a real stack: start, training, log, records, stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.aws import StackError, artifacts, session
from kennel.aws.release import release_archive, releases
from kennel.aws.training import hosts
from kennel.aws.training.sdk import TrainingRequest
from kennel.serving.model import load as load_model

pytestmark = pytest.mark.slow

QUICK = {"arch": "efficientnet_lite0", "epochs": 5}


def state(deployed: Any) -> str:
    instance = deployed.stack["training_host"]["instance_id"]
    description = session.client("ec2").describe_instances(InstanceIds=[instance])
    return description["Reservations"][0]["Instances"][0]["State"]["Name"]


@pytest.fixture(scope="module")
def trained(deployed: Any) -> tuple[dict[str, Any], list[str]]:
    lines: list[str] = []
    session.client("ec2").stop_instances(InstanceIds=[deployed.stack["training_host"]["instance_id"]])
    request = TrainingRequest("tiny", QUICK)
    return hosts.train(deployed.workspace, deployed.stack, request, progress=lines.append), lines


def test_a_training_leaves_a_record_and_a_stopped_instance(deployed: Any, trained: Any) -> None:
    record, lines = trained

    assert record["status"] == "Success"
    assert record["metrics"]["test_top1"] > 1 / 6  # better than chance among six breeds
    assert state(deployed) == "stopped"
    assert any(line.startswith("starting ") for line in lines)
    assert any("epoch=5;" in line for line in lines)


def test_its_log_is_in_the_hosts_group(deployed: Any, trained: Any) -> None:
    record, _ = trained
    stream = f"{record['command']}/{record['instance']}/aws-runShellScript/stdout"
    events = session.client("logs").get_log_events(
        logGroupName=deployed.stack["training_host"]["log_group"], logStreamName=stream
    )["events"]
    assert any("test_top1=" in event["message"] for event in events)


def test_its_model_is_one_that_package_takes(deployed: Any, trained: Any, tmp_path: Path) -> None:
    record, _ = trained

    release = releases.package(deployed.workspace, deployed.stack, record["job"], runtime="openvino")

    assert len(release.classes) == 6
    archive = artifacts.download(release.model_data_url, tmp_path / "model.tar.gz")
    classifier = load_model(release_archive.unpack(archive, tmp_path / "model"))
    assert len(classifier.logits(Path(deployed.photo).read_bytes())) == 6


def test_the_records_are_beside_the_model(deployed: Any, trained: Any) -> None:
    record, _ = trained
    folder = f"training/{record['job']}"
    objects = artifacts.objects(deployed.stack["artifact_bucket"], folder)
    for name in ("output/metrics.json", "output/history.csv", "output/run.json", "record.json"):
        assert f"{folder}/{name}" in objects


def test_the_host_used_its_own_role_and_no_other(deployed: Any, trained: Any) -> None:
    record, _ = trained
    path = deployed.workspace.build.parent / "cloud" / "audit-log.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    role = deployed.stack["roles"]["training_host"].split("/")[-1]
    session_name = f"{role}/{record['instance']}"
    own = [entry for entry in entries if entry["principal"].endswith(session_name)]
    assert {entry["action"] for entry in own} >= {
        "ssm:UpdateInstanceInformation",
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "logs:CreateLogGroup",
        "logs:PutLogEvents",
    }
    assert [entry for entry in own if entry["decision"] == "deny"] == []


def test_a_failed_training_says_why_and_stops_the_instance(deployed: Any) -> None:
    with pytest.raises(StackError, match=r"Failed: .*unknown architecture 'poodle'"):
        hosts.train(deployed.workspace, deployed.stack, TrainingRequest("tiny", {"arch": "poodle"}))
    assert state(deployed) == "stopped"


def test_an_interrupted_training_is_cancelled_and_stops_the_instance(deployed: Any) -> None:
    def interrupt(line: str) -> None:
        if "classes, pictures" in line:  # the training's first line: it runs
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hosts.train(
            deployed.workspace,
            deployed.stack,
            TrainingRequest("tiny", {"epochs": 10_000}),
            progress=interrupt,
        )

    assert state(deployed) == "stopped"
    newest = session.client("ssm").list_commands()["Commands"][0]
    assert newest["Status"] == "Cancelled"


def test_a_training_that_outlasts_its_time_says_so_and_may_leave_the_instance_on(deployed: Any) -> None:
    request = TrainingRequest("tiny", {"epochs": 10_000}, maximum_seconds=2)
    with pytest.raises(StackError, match=r"TimedOut: it took more than 2 s"):
        hosts.train(deployed.workspace, deployed.stack, request, keep_running=True)
    assert state(deployed) == "running"


def test_an_unknown_data_set_starts_nothing(deployed: Any) -> None:
    with pytest.raises(StackError, match="no data set 'cats'"):
        hosts.train(deployed.workspace, deployed.stack, TrainingRequest("cats"))
