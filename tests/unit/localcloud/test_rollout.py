"""What a DeploymentConfig asks for, and what SageMaker refuses in one."""

from __future__ import annotations

from typing import Any

import pytest

from kennel.localcloud.services.sagemaker.endpoints.rollout import (
    BatchSize,
    Rollout,
    RolloutError,
    read_rollout,
)


def blue_green(kind: str = "ALL_AT_ONCE", **members: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 60, **members},
            "TerminationWaitInSeconds": 120,
            "MaximumExecutionTimeoutInSeconds": 900,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]},
    }


def rolling(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    size = {"Type": kind, "Value": value}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 30}}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def test_without_a_configuration_all_traffic_moves_at_once() -> None:
    assert read_rollout(None, {"v": 1}) == Rollout(shares=(1.0,), bake_seconds=0, alarms=())


def test_all_at_once_bakes_before_and_after() -> None:
    rollout = read_rollout(blue_green(), {"v": 1})
    assert (rollout.shares, rollout.bake_seconds, rollout.termination_seconds) == ((1.0,), 60, 120)
    assert (rollout.limit_seconds, rollout.alarms) == (900, ("errors", "latency"))


def test_a_canary_takes_its_share_first() -> None:
    assert read_rollout(blue_green("CANARY", CanarySize=percent(10)), {"v": 4}).shares == (0.1, 1.0)
    assert read_rollout(blue_green("CANARY", CanarySize=instances(1)), {"v": 4}).shares == (0.25, 1.0)


def test_linear_steps_end_with_all_of_the_traffic() -> None:
    steps = read_rollout(blue_green("LINEAR", LinearStepSize=percent(30)), {"v": 4}).shares
    assert steps == pytest.approx((0.3, 0.6, 0.9, 1.0))
    halves = read_rollout(blue_green("LINEAR", LinearStepSize=instances(2)), {"v": 4}).shares
    assert halves == pytest.approx((0.5, 1.0))


def test_a_batch_is_at_most_its_share_and_at_least_one_instance() -> None:
    assert read_rollout(rolling(33), {"v": 3}).batch == BatchSize("CAPACITY_PERCENT", 33)
    assert [BatchSize("CAPACITY_PERCENT", 33).of(total) for total in (1, 3, 10)] == [1, 1, 3]
    assert BatchSize("INSTANCE_COUNT", 2).of(5) == 2
    assert Rollout().rollback_batch.of(7) == 7


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (blue_green("CANARY"), "CanarySize must be specified"),
        (blue_green("ALL_AT_ONCE", CanarySize=percent(10)), "CanarySize must not be specified"),
        (blue_green("CANARY", CanarySize=percent(60)), "between 1% and 50%"),
        (blue_green("CANARY", CanarySize=instances(3)), "between 1% and 50%"),
        (blue_green("LINEAR", LinearStepSize=percent(5)), "between 10% and 50%"),
        (rolling(3, "INSTANCE_COUNT"), "between 5% and 50%"),
        ({**blue_green(), **rolling(10)}, "Only one of"),
        (blue_green("SLOW"), r"at 'deploymentConfig.blueGreenUpdatePolicy.trafficRoutingConfiguration.type'"),
        (blue_green(WaitIntervalInSeconds=3601), "less than or equal to 3600"),
        ({"BlueGreenUpdatePolicy": {}}, r"Value null at .*trafficRoutingConfiguration.*must not be null"),
        ({"AutoRollbackConfiguration": {"Alarms": []}}, "length greater than or equal to 1"),
    ],
)
def test_what_sagemaker_refuses(config: dict[str, Any], message: str) -> None:
    with pytest.raises(RolloutError, match=message):
        read_rollout(config, {"v": 4})


def test_a_timeout_below_ten_minutes_is_refused() -> None:
    config = blue_green()
    config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 599
    with pytest.raises(RolloutError, match="greater than or equal to 600"):
        read_rollout(config, {"v": 4})
