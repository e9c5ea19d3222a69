"""An endpoint's deployment, with fleets that only count and a clock that only adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from kennel.localcloud.services.sagemaker.endpoints.alarm_watch import RollbackRequiredError
from kennel.localcloud.services.sagemaker.endpoints.deployment import Deployment
from kennel.localcloud.services.sagemaker.endpoints.rollout import BatchSize, Rollout
from kennel.localcloud.services.sagemaker.endpoints.traffic import Traffic
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import FleetError


@dataclass
class CountedFleet:
    """A fleet of one variant whose instances are a number."""

    total: int
    count: int = 0
    start_error: str = ""
    restart_error: str = ""
    history: list[int] = field(default_factory=list)

    def start(self, counts: Mapping[str, int] | None = None) -> None:
        if self.start_error:
            raise FleetError(self.start_error)
        self.scale(counts or self.wanted())

    def wanted(self) -> dict[str, int]:
        return {"v": self.total}

    def counts(self) -> dict[str, int]:
        return {"v": self.count}

    def scale(self, counts: Mapping[str, int]) -> None:
        if counts["v"] != self.count:
            self.history.append(counts["v"])
        self.count = counts["v"]

    def wait(self) -> None:
        if self.restart_error:
            raise FleetError(self.restart_error)


class World:
    """Everything around a deployment: the clock, the alarms, and what it routed and reported.

    Parameters
    ----------
    alarm_at
        When an alarm goes off, in seconds.
    deleted_at
        When the endpoint is deleted.
    """

    def __init__(self, alarm_at: float = float("inf"), deleted_at: float = float("inf")) -> None:
        self.alarm_at, self.deleted_at = alarm_at, deleted_at
        self.time = 0.0
        self.shares: list[tuple[float, float]] = []
        self.stages: list[str] = []
        self.traffic: Traffic | None = None

    def check(self) -> None:
        if self.time >= self.alarm_at:
            raise RollbackRequiredError("ALARM errors")

    def wait(self, seconds: float) -> bool:
        self.time += seconds
        return self.time >= self.deleted_at

    def route(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.shares.append((self.time, traffic.share))

    def deploy(self, rollout: Rollout, old: CountedFleet | None, new: CountedFleet) -> Deployment:
        self.traffic = Traffic(old) if old else None  # type: ignore[arg-type] # counts only
        fleet: Any = new
        deployment = Deployment(
            rollout, self, self.traffic, fleet, self.route, self.stages.append, self.wait, lambda: self.time
        )
        deployment.run()
        return deployment


def test_a_first_deployment_waits_for_nothing_and_watches_no_time() -> None:
    world, new = World(), CountedFleet(2)
    assert world.deploy(Rollout(bake_seconds=60, termination_seconds=60), None, new).reason == ""
    assert world.traffic
    assert world.traffic.fleet is new  # type: ignore[comparison-overlap] # counts only
    assert world.time == 0


def test_all_at_once_bakes_then_waits_to_terminate() -> None:
    world, new = World(), CountedFleet(1)
    deployment = world.deploy(Rollout(bake_seconds=60, termination_seconds=30), CountedFleet(1, 1), new)
    assert (deployment.reason, world.time, world.shares) == ("", 90, [(0, 1.0)])
    assert world.stages == ["Creating", "ActivatingTraffic", "Baking", "Baking"]


def test_linear_traffic_bakes_at_each_step() -> None:
    world = World()
    world.deploy(Rollout(shares=(0.5, 1.0), bake_seconds=60), CountedFleet(1, 1), CountedFleet(1))
    assert world.shares == [(0, 0.5), (60, 1.0)]
    assert world.time == 120


@pytest.mark.parametrize("alarm_at", [0, 30, 60, 89, 90])
def test_an_alarm_at_any_moment_gives_the_old_fleet_all_traffic(alarm_at: float) -> None:
    world, old, new = World(alarm_at), CountedFleet(1, 1), CountedFleet(1)
    deployment = world.deploy(Rollout(bake_seconds=60, termination_seconds=30), old, new)
    assert deployment.reason == "ALARM errors"
    assert world.traffic
    assert world.traffic.fleet is old  # type: ignore[comparison-overlap] # counts only
    assert world.traffic.share == 0
    assert world.time == pytest.approx(alarm_at, abs=1)
    assert old.count == 1


def test_a_fleet_that_does_not_come_up_gets_no_traffic() -> None:
    world, old = World(), CountedFleet(1, 1)
    deployment = world.deploy(Rollout(), old, CountedFleet(1, start_error="does not load"))
    assert deployment.reason == "does not load"
    assert [share for _, share in world.shares] == [0.0]


def test_the_maximum_execution_time_ends_a_deployment() -> None:
    world = World()
    rollout = Rollout(shares=(0.5, 1.0), bake_seconds=400, limit_seconds=600)
    deployment = world.deploy(rollout, CountedFleet(1, 1), CountedFleet(1))
    assert "maximum execution timeout of 600 seconds" in deployment.reason
    assert world.time == pytest.approx(601, abs=1)
    assert world.traffic
    assert world.traffic.share == 0


def test_a_deleted_endpoint_ends_its_deployment_and_nothing_is_routed_back() -> None:
    world = World(deleted_at=30)
    deployment = world.deploy(Rollout(bake_seconds=60), CountedFleet(1, 1), CountedFleet(1))
    assert deployment.reason
    assert [share for _, share in world.shares] == [1.0]


ROLLING = Rollout(bake_seconds=60, batch=BatchSize("INSTANCE_COUNT", 2))


def test_a_rolling_update_replaces_batch_by_batch() -> None:
    world, old, new = World(), CountedFleet(5, 5), CountedFleet(5)
    assert world.deploy(ROLLING, old, new).reason == ""
    assert new.history == [2, 4, 5]
    assert old.history == [3, 1, 0]
    assert world.shares == [(0, pytest.approx(0.4)), (60, pytest.approx(0.8)), (120, 1.0)]


def test_a_rolling_update_brings_terminated_instances_back() -> None:
    world, old, new = World(alarm_at=90), CountedFleet(4, 4), CountedFleet(4)
    deployment = world.deploy(ROLLING, old, new)
    assert (deployment.reason, deployment.mixed) == ("ALARM errors", False)
    assert old.history == [2, 4]
    assert world.traffic
    assert world.traffic.share == 0


def test_a_rolling_update_that_cannot_be_rolled_back_leaves_both_fleets() -> None:
    world, new = World(alarm_at=90), CountedFleet(4)
    old = CountedFleet(4, 4, restart_error="no capacity")
    deployment = world.deploy(ROLLING, old, new)
    assert deployment.mixed
    assert deployment.reason == "ALARM errors The roll-back failed as well: no capacity"
    assert world.traffic
    assert world.traffic.share == 1.0  # both batches had been placed
