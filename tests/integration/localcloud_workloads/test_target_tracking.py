"""An endpoint that scales by its requests: instances come, and go without an error; the clock is moved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import DrivenClock, Stage, eventually
from .small_models import Endpoints


@pytest.fixture(scope="module")
def endpoints(stage: Stage) -> Endpoints:
    return Endpoints(stage)


def test_requests_take_an_endpoint_to_three_instances_and_back(
    endpoints: Endpoints, driven_clock: DrivenClock
) -> None:
    name = endpoints.serving("scaled")
    scaling, cloudwatch = (
        endpoints.stage.client("application-autoscaling"),
        endpoints.stage.client("cloudwatch"),
    )
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/v1",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    policy = scaling.put_scaling_policy(
        **target,
        PolicyName="requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 10.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    )

    def minute(requests: int) -> int:
        for _ in range(requests):
            assert endpoints.ask(name)["model"] == "scaled"
        driven_clock.advance(60)
        return int(endpoints.describe(name)["ProductionVariants"][0]["DesiredInstanceCount"])

    def settled(count: int) -> bool:
        driven_clock.advance(1)  # what was set is looked at by the clock
        endpoint = endpoints.describe(name)
        (variant,) = endpoint["ProductionVariants"]
        latest = scaling.describe_scaling_activities(**target)["ScalingActivities"][0]
        return (variant["CurrentInstanceCount"], endpoint["EndpointStatus"]) == (count, "InService") and (
            latest["StatusCode"] == "Successful"
        )

    driven_clock.advance(60 - driven_clock.advance(0) % 60)
    assert [minute(28) for _ in range(3)] == [1, 1, 3]
    eventually(lambda: settled(3))
    answered: set[int] = set()

    def all_answered() -> bool:  # they are chosen at random
        answered.add(endpoints.ask(name)["pid"])
        return len(answered) == 3

    eventually(all_answered)
    assert [minute(4) for _ in range(14)] == [3] * 14
    with ThreadPoolExecutor(6) as pool:
        slow = [pool.submit(endpoints.ask, name, b"slow") for _ in range(6)]
        assert minute(4) == 1, "while the slow requests are under way"
    assert [future.result()["model"] for future in slow] == ["scaled"] * 6
    eventually(lambda: settled(1))
    scale_in, scale_out = scaling.describe_scaling_activities(**target)["ScalingActivities"]
    assert scale_in["Description"] == "Setting desired instance count to 1."
    assert scale_out["Description"] == "Setting desired instance count to 3."
    states = cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"] for alarm in policy["Alarms"]])
    assert [alarm["StateValue"] for alarm in states["MetricAlarms"]] == ["OK", "ALARM"]
    endpoints.sagemaker.delete_endpoint(EndpointName=name)
    assert not scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert not cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-endpoint/{name}/")["MetricAlarms"]
