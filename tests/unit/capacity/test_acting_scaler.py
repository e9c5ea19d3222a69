"""The simulator has the instances that the local cloud's Application Auto Scaling has, at every minute.

Both run `kennel.capacity.scaling`. Here one trace goes through the simulator, and through the metrics and
alarms, actions, decisions, activities and cooldowns of the local cloud, on a driven clock. The endpoint is a
stand-in whose new instances serve after their start-up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.capacity.service_times import ServiceTimes
from kennel.capacity.timeline import Concurrency, Instance, Invocations, Queue, Segment, follow
from kennel.capacity.traces import generate
from kennel.localcloud.authorization.identify import OPERATOR
from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import handler_of
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.runtime.cloudwatch_metrics import publish
from kennel.localcloud.services import register
from kennel.localcloud.services.cloudwatch.evaluation import evaluate_alarms
from kennel.localcloud.services.sagemaker.endpoints.endpoint import endpoints

HOUR = 3600
START_UP = 150.5  # instances serve between two looks of the service, at no tie with one
DIMENSIONS = {"EndpointName": "e", "VariantName": "v"}
VARIANT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


class StandIn:
    """An endpoint with instances that are desired, and instances that serve."""

    def __init__(self, clock: Clock, count: int) -> None:
        self.name, self._clock, self.serving = "e", clock, count
        self.changes_at: float | None = None
        self.plan = None  # of whose instance type nobody asks
        self.record = SimpleNamespace(
            endpoint_status="InService", failure_reason=None, production_variants=[]
        )
        self._describe(count)

    def _describe(self, count: int) -> None:
        self.record.production_variants = [{"VariantName": "v", "DesiredInstanceCount": count}]

    @property
    def desired(self) -> int:
        return int(self.record.production_variants[0]["DesiredInstanceCount"])

    def scale(self, changes: list[dict[str, Any]]) -> None:
        """Begin to change the number of instances, as the service asks."""
        count = changes[0]["DesiredInstanceCount"]
        self._describe(count)
        if count < self.serving:
            self.serving = count
            return
        self.record.endpoint_status = "Updating"
        self.changes_at = self._clock.time() + START_UP
        self._clock.call_at(self.changes_at, lambda: self._serve(count))

    def _serve(self, count: int) -> None:
        self.serving, self.record.endpoint_status, self.changes_at = count, "InService", None


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in ("MOTO_PORT", "MOTO_ACCOUNT_ID"):
        monkeypatch.setenv(name, "")
    register()
    made = Cloud(tmp_path, 4510, Clock(0))
    made.clock.advance(86_400 - made.clock.time() % 86_400)
    evaluate_alarms(made)
    yield made
    call(made, "DeregisterScalableTarget", **VARIANT)
    made.shutdown()


def call(cloud: Cloud, operation: str, **parameters: Any) -> None:
    handler = handler_of("application-autoscaling", operation)
    assert handler is not None
    request = ApiRequest("application-autoscaling", operation, OPERATOR, parameters)
    handler(Call(request, cloud, moto=None, environ={}))  # type: ignore[arg-type] # not asked


def endpoint_with(cloud: Cloud, policy: TargetTracking, initial: int, metric: str) -> StandIn:
    """Return an endpoint that is scaled by a policy."""
    endpoint = StandIn(cloud.clock, initial)
    endpoints(cloud)["e"] = endpoint  # type: ignore[assignment] # a stand-in
    bounds = {"MinCapacity": policy.minimum, "MaxCapacity": policy.maximum}
    call(cloud, "RegisterScalableTarget", **VARIANT, **bounds)
    configuration = {
        "TargetValue": policy.target,
        "ScaleOutCooldown": int(policy.scale_out_cooldown),
        "ScaleInCooldown": int(policy.scale_in_cooldown),
        "DisableScaleIn": not policy.scale_in,
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
    }
    call(
        cloud,
        "PutScalingPolicy",
        **VARIANT,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )
    return endpoint


@pytest.mark.parametrize(
    ("shape", "policy"),
    [
        ("diurnal", TargetTracking(100, 1, 8)),
        ("diurnal", TargetTracking(60, 2, 20, 60, 120)),
        ("spike", TargetTracking(100, 1, 6, 0, 0)),
        ("flash-crowd", TargetTracking(80, 1, 30, 60, 300)),
        ("flash-crowd", TargetTracking(80, 1, 30, 60, 300, scale_in=False)),
    ],
    ids=["defaults", "short cooldowns", "none", "crowd", "no scale-in"],
)
def test_instances_are_the_acting_scalers_at_every_minute(
    cloud: Cloud, shape: str, policy: TargetTracking
) -> None:
    hours = 24 if shape == "diurnal" else 6
    random = np.random.default_rng(2)
    arrivals = generate(shape, 200 * 60 * hours, random, seconds=hours * HOUR, peak=8).arrivals(random)
    endpoint = endpoint_with(cloud, policy, policy.minimum, "SageMakerVariantInvocationsPerInstance")
    began = cloud.clock.time()
    acted = []
    for minute in range(60, hours * HOUR + 60, 60):
        begin = cloud.clock.time() - began
        while begin < minute:
            change = endpoint.changes_at
            end = min(minute, change - began) if change is not None else minute
            requests = int(np.diff(np.searchsorted(arrivals, [begin, end]))[0])
            if requests:
                per_instance = requests / endpoint.serving
                publish(cloud, "AWS/SageMaker", DIMENSIONS, InvocationsPerInstance=per_instance)
            cloud.clock.advance(end - begin)
            begin = end
        acted.append((endpoint.desired, endpoint.serving))

    timeline = follow(policy, policy.minimum, START_UP, Invocations(arrivals), hours * HOUR)

    minutes = np.arange(60.0, hours * HOUR + 60, 60)
    desired = np.searchsorted([time for time, _ in timeline.billed], minutes, "right") - 1
    counts = [timeline.billed[place][1] for place in desired]
    assert list(zip(counts, timeline.serving_at(minutes).tolist(), strict=True)) == acted
    assert len(timeline.serving) > (3 if policy.scale_in else 2), "it has scaled"


class Recorded:
    """A metric, and the datapoints that it gave."""

    def __init__(self, metric: Concurrency) -> None:
        self._metric, self.values = metric, list[float | None]()

    def observe(self, segments: Sequence[Segment]) -> float | None:
        self.values.append(self._metric.observe(segments))
        return self.values[-1]


def test_instances_by_the_metric_of_ten_seconds_are_the_acting_scalers(cloud: Cloud) -> None:
    seconds, policy = 3 * HOUR, TargetTracking(2.0, 1, 12, 60, 300, high_resolution=True)
    random = np.random.default_rng(3)
    arrivals = generate("flash-crowd", 150_000, random, seconds=seconds, peak=8).arrivals(random)
    services = ServiceTimes(0.15, 0.5).draw(len(arrivals), random)
    metric = Recorded(Concurrency(Queue(arrivals, services, Instance(4, 32, START_UP))))
    timeline = follow(policy, 1, START_UP, metric, seconds)
    high = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    endpoint = endpoint_with(cloud, policy, 1, high)

    acted = []
    for value in metric.values:
        if value is not None:
            publish(cloud, "AWS/SageMaker", DIMENSIONS, resolution=1, ConcurrentRequestsPerModel=value)
        cloud.clock.advance(10)
        acted.append(endpoint.serving)

    assert timeline.serving_at(np.arange(10.0, seconds + 10, 10)).tolist() == acted
    assert max(acted) > 4
    assert acted[-1] < max(acted)
