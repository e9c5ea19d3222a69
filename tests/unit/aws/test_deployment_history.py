"""The versions of the record, told as what happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from kennel.aws.deployment import deployment_history
from kennel.aws.deployment.deployment_record import Asleep, Deployment, DeploymentRecord, RecordVersion


def deployment(number: int) -> Deployment:
    return Deployment(f"r-{number:012x}", "d", "s3://artifacts/m", "image", number)


ONE = DeploymentRecord().with_next(deployment(1))
TWO = ONE.with_next(deployment(2))
THREE = TWO.with_next(deployment(3))


def versions(*records: DeploymentRecord) -> list[RecordVersion]:
    at = datetime(2026, 11, 27, tzinfo=UTC)
    return [RecordVersion(number, at, "me", record) for number, record in enumerate(records, 1)]


def words(*records: DeploymentRecord) -> list[str]:
    return [event.what for event in deployment_history.events(versions(*records))]


def test_deployments_and_roll_backs() -> None:
    assert words(DeploymentRecord(), ONE, TWO, TWO.rolled_back(), TWO) == [
        "deployed",
        "deployed",
        "rolled back",
        "rolled back",
    ]


def test_a_failed_deployment_is_followed_by_what_was_live() -> None:
    assert words(ONE, TWO, THREE, TWO.with_number(3)) == ["deployed"] * 3 + ["failed, returned"]
    assert words(DeploymentRecord(), ONE, DeploymentRecord(1)) == ["deployed", "failed, returned"]


def test_sleeping_and_waking_are_events() -> None:
    asleep = replace(TWO, asleep=Asleep())
    assert words(ONE, TWO, asleep, replace(TWO, asleep=Asleep(("notebook",))), TWO) == [
        "deployed",
        "deployed",
        "asleep",
        "asleep",
        "awake",
    ]


def test_the_same_record_written_twice_is_no_event() -> None:
    assert words(DeploymentRecord(), ONE, ONE) == ["deployed"]


def test_what_no_task_writes_was_written_by_hand() -> None:
    assert words(DeploymentRecord(), THREE, DeploymentRecord(3, deployment(1))) == [
        "deployed",
        "written by hand",
    ]


def test_an_event_is_a_row_and_a_document() -> None:
    event = deployment_history.events(versions(ONE, TWO))[-1]

    assert event.row == ("2026-11-27T00:00:00+00:00", "deployed", 2, "r-000000000002", 1, "me")
    assert event.as_dict()["current"]["deployment"] == 2
    assert event.as_dict()["version"] == 2
