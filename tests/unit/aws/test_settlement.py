"""What a killed deployment left: which record is written for what is live, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from kennel.aws import StackError
from kennel.aws.deployment import deployment_record, live_endpoint, proof, settlement
from kennel.aws.deployment.deployment_record import Deployment, DeploymentRecord
from kennel.aws.deployment.live_endpoint import LiveEndpoint
from kennel.aws.infrastructure.deploy_lock import DeployLock
from kennel.aws.infrastructure.stack import Stack

KILLED = DeployLock("id", "deploy r-000000000003", "me@here", "2026-11-27T03:00:00+00:00", "/gone")


def deployment(number: int) -> Deployment:
    url = f"s3://artifacts/releases/r-{number:012x}/model.tar.gz"
    return Deployment(f"r-{number:012x}", f"{number:064x}", url, "image", number)


ONE = DeploymentRecord().with_next(deployment(1))
TWO = ONE.with_next(deployment(2))
THREE = TWO.with_next(deployment(3))


def live(configuration: str, status: str = "InService", instances: int = 1) -> LiveEndpoint:
    counts = {"AllTraffic": instances}
    return LiveEndpoint("kennel-local-classifier", configuration, status, "", counts, counts)


@pytest.fixture
def written(stack: Stack) -> Stack:
    """Return a stack whose record has a history of three deployments."""
    for record in (ONE, TWO, THREE):
        deployment_record.write(stack, record)
    return stack


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets what the endpoint is, and whether it answers as it should."""
    deleted: list[str] = []

    def is_now(now: LiveEndpoint | None, answers: bool = True) -> list[str]:
        def prove(*_: Any) -> None:
            if not answers:
                raise StackError("the answer differs")

        monkeypatch.setattr(live_endpoint, "settled", lambda *_: now)
        monkeypatch.setattr(live_endpoint, "delete", lambda *_: deleted.append("deleted"))
        monkeypatch.setattr(proof, "prove", prove)
        return deleted

    return is_now


def settle(stack: Stack, abandoned: DeployLock | None) -> tuple[DeploymentRecord, list[str]]:
    record, found = settlement.settle(stack, abandoned, lambda line: None)
    assert deployment_record.read(stack) == record
    return record, found


def test_what_is_live_and_recorded_needs_nothing(written: Stack, endpoint: Any) -> None:
    endpoint(live("kennel-local-deployment-3"), answers=False)

    assert settle(written, None) == (THREE, []), "it was proven when it was deployed"


@pytest.mark.parametrize("abandoned", [KILLED, None])
def test_a_deployment_killed_before_its_apply_is_not_recorded(
    written: Stack, endpoint: Any, abandoned: DeployLock | None
) -> None:
    endpoint(live("kennel-local-deployment-2"))

    record, found = settle(written, abandoned)

    assert record == DeploymentRecord(3, deployment(2), deployment(1))
    assert found == ["deployment 3 is recorded, but is not live; the record returns to deployment 2"]


def test_a_deployment_killed_after_its_apply_is_proven(written: Stack, endpoint: Any) -> None:
    endpoint(live("kennel-local-deployment-3"))

    record, found = settle(written, KILLED)

    assert record == THREE
    assert found == ["deployment 3 (r-000000000003) is live, and answers as it should"]


def test_a_deployment_killed_after_its_apply_that_answers_wrongly_is_returned_from(
    written: Stack, endpoint: Any
) -> None:
    endpoint(live("kennel-local-deployment-3"), answers=False)

    record, found = settle(written, KILLED)

    assert record == DeploymentRecord(3, deployment(2), deployment(1))
    assert "but the answer differs; the record returns to deployment 2" in found[0]


def test_a_roll_back_killed_before_its_apply_is_undone(written: Stack, endpoint: Any) -> None:
    deployment_record.write(written, THREE.rolled_back())
    endpoint(live("kennel-local-deployment-3"))

    record, found = settle(written, KILLED)

    assert record == THREE
    assert found == ["deployment 2 is recorded, but is not live; the record returns to deployment 3"]


@pytest.mark.parametrize("left", [None, live("kennel-local-deployment-1", "Failed", 0)])
def test_a_first_deployment_that_was_killed_leaves_nothing(
    stack: Stack, endpoint: Any, left: LiveEndpoint | None
) -> None:
    deployment_record.write(stack, ONE)
    deleted = endpoint(left)

    record, found = settle(stack, KILLED)

    assert record == DeploymentRecord(1)
    assert found == ["deployment 1 is recorded, but is not live; the record returns to none"]
    assert deleted == (["deleted"] if left else [])


def test_an_endpoint_that_somebody_deleted_comes_back_with_the_next_apply(
    written: Stack, endpoint: Any
) -> None:
    endpoint(None)

    record, found = settle(written, None)

    assert record == THREE
    assert found == ["there is no endpoint, though deployment 3 is recorded"]


def test_a_configuration_that_no_deployment_made_is_left_to_the_next_apply(
    written: Stack, endpoint: Any
) -> None:
    endpoint(live("somebody-elses"))

    record, found = settle(written, KILLED)

    assert record == THREE
    assert found == ["kennel-local-classifier runs somebody-elses, which no deployment made"]


def test_what_has_left_the_history_is_said(stack: Stack, endpoint: Any) -> None:
    deployment_record.write(stack, THREE)
    endpoint(live("kennel-local-deployment-1"))

    record, found = settle(stack, None)

    assert record == THREE
    assert "the history no longer has deployment 1" in found[0]
