"""package, deploy and releases: which job is taken, what was measured, what is worse than before."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace
from typing import Any

import pytest

from kennel import terminal
from kennel.__main__ import main
from kennel.aws.deployment import deployment_record
from kennel.aws.deployment.deployment_record import Deployment, DeploymentRecord
from kennel.aws.infrastructure import stack as aws_stack
from kennel.aws.model_registry import Registration
from kennel.aws.release.releases import Release

OUTPUTS = {"artifact_bucket": "artifacts", "endpoint": {"release_id": "r-000000000001"}}


SIGN_OFF = {"reason": "the graph answers as the network does", "int8": None}
MEASURED: dict[str, Any] = {
    "runtime": "openvino",
    "sign_off": SIGN_OFF,
    "size": 78_500_000,
    "latency": {"p50_ms": 12.5, "cores": 2, "calls": 20},
}


def release(number: int, top_1: float) -> Release:
    metrics = {"test_top1": top_1, "test_loss": 0.25}
    created = f"2026-11-27T0{number}:00:00+00:00"
    learned = (
        {"photos": "own", "train": 12, "classes": 2, "prior": "none", "known_classes": 0}
        if number == 2
        else None
    )
    return Release(
        f"r-{number:012x}",
        "d",
        "job-1",
        "resnet50",
        ["a", "b"],
        metrics,
        "s3://artifacts/m",
        created,
        learned,
        **(MEASURED if number == 2 else {}),
    )


OLD, NEW = release(1, 0.9), release(2, 0.5)
DONE = {"endpoint": "e", "deployment": 2, "proof": {"photos": 3, "largest_difference": 0.0}}
DEPLOYED = Deployment(OLD.id, OLD.digest, OLD.model_data_url, "image", 1)


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kennel.commands.task._workspace", lambda environment: SimpleNamespace())
    monkeypatch.setattr("kennel.commands.acts_on.announce", lambda environment: None)
    monkeypatch.setattr(aws_stack, "outputs", lambda workspace: aws_stack.Stack(OUTPUTS))
    monkeypatch.setattr(deployment_record, "read", lambda stack: DeploymentRecord(1, DEPLOYED))
    monkeypatch.setattr("kennel.aws.release.releases.everything", lambda bucket, area="releases": [NEW, OLD])
    monkeypatch.setattr(
        "kennel.aws.release.releases.find", lambda bucket, name: {OLD.id: OLD, NEW.id: NEW}[name]
    )
    monkeypatch.setattr("kennel.aws.release.trained_models.newest_job", lambda stack: "job-1")
    monkeypatch.setattr("kennel.aws.release.releases.package", lambda *_, **__: NEW)
    monkeypatch.setattr(
        "kennel.aws.deployment.deployments.deploy", lambda *arguments, **_: {**DONE, "release": arguments[2]}
    )
    registered = {NEW.id: Registration("arn", 1, "Approved")}
    monkeypatch.setattr("kennel.aws.model_registry.registrations", lambda group: registered)
    monkeypatch.setattr(terminal, "can_ask", lambda: False)


def run(*arguments: str) -> None:
    with contextlib.suppress(SystemExit):
        main(["kennel", *arguments])


WARNING = "warning top-1 of r-000000000002 is 0.5; that of the deployed r-000000000001 is 0.9"


def test_package_names_its_job_the_metrics_and_what_is_worse(capsys: pytest.CaptureFixture[str]) -> None:
    run("package")

    lines = capsys.readouterr().err.splitlines()
    assert "takes job-1, the newest training job that has completed" in lines
    assert "r-000000000002: resnet50, 2 classes, from job-1: top-1 0.5, loss 0.25" in lines
    assert "openvino: the graph answers as the network does" in lines
    assert "12.5 ms for a photo on 2 cores (median), 78.5 MB" in lines
    assert WARNING in lines


def test_package_makes_a_release_of_a_candidate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kennel.aws.release.candidates.promote", lambda workspace, stack, name, progress: NEW)

    run("package", "--candidate", NEW.id)

    assert f"{NEW.id}: resnet50, 2 classes, from job-1: top-1 0.5, loss 0.25" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--candidate", "r-1"], "'r-1' is no id of a release"),
        (["--candidate", NEW.id, "--job", "job-1"], "--job and --candidate exclude each other"),
        (["--candidate", NEW.id, "--from-imagenet"], "--candidate and --from-imagenet exclude each other"),
    ],
)
def test_package_takes_one_source(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("package", *arguments)

    assert message in capsys.readouterr().err


@pytest.mark.parametrize("task", ["package", "deploy"])
def test_the_comparison_is_in_the_document(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(task, "--json")

    printed = capsys.readouterr()
    compared: dict[str, Any] = json.loads(printed.out)["compared"]
    assert (compared["deployed"], compared["top1"], compared["deployed_top1"]) == (OLD.id, 0.5, 0.9)
    assert WARNING in printed.err.splitlines()


def test_deploying_the_deployed_release_compares_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run("deploy", "--release", OLD.id, "--json")

    printed = capsys.readouterr()
    assert json.loads(printed.out) == {**DONE, "release": OLD.id, "compared": None}
    assert "warning" not in printed.err


@pytest.mark.parametrize(("options", "proven"), [([], True), (["--no-proof-endpoint"], False)])
def test_a_deployment_is_proven_before_its_traffic_unless_that_is_turned_off(
    options: list[str], proven: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []
    for name in ("deploy", "rollback"):
        monkeypatch.setattr(
            f"kennel.aws.deployment.deployments.{name}",
            lambda *_, proof_before, **__: given.append(proof_before) or DONE,
        )

    run("deploy", *options)
    run("rollback", *options)

    assert given == [proven, proven]


def test_releases_show_metrics_and_which_one_is_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    run("releases")

    header, *rows = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert header == [
        "release",
        "arch",
        "classes",
        "photos",
        "top-1",
        "loss",
        "runtime",
        "MB",
        "p50",
        "ms",
        "approval",
        "created",
        "deployed",
    ]
    assert rows == [
        [
            NEW.id,
            "resnet50",
            "2",
            "12",
            "0.500",
            "0.250",
            "openvino",
            "78.500",
            "12.500",
            "Approved",
            NEW.created,
            "-",
        ],
        [OLD.id, "resnet50", "2", "-", "0.900", "0.250", "torch", "-", "-", "-", OLD.created, "yes"],
    ]
