"""Concurrency of a function: reserved, provisioned, scaled by its use; the calls are real."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from .conftest import DrivenClock, Stage, eventually, zipped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")

# A call lasts until its file exists: how many run at a time is no matter of luck.
APP = """
import os, time
def handler(event, context):
    open(event["until"] + "-" + context.aws_request_id, "w").close()
    while not os.path.exists(event["until"]):
        time.sleep(0.02)
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""


class Calls:
    """A function, and slow calls of it."""

    def __init__(self, stage: Stage, clock: DrivenClock, folder: Path) -> None:
        self.stage, self.clock, self._folder = stage, clock, folder
        self.client = stage.client("lambda", read_timeout=70, max_pool_connections=20)
        self.name = f"slow-{uuid.uuid4().hex[:8]}"
        self.client.create_function(
            FunctionName=self.name,
            Role=stage.role("lambda.amazonaws.com"),
            Runtime="python3.11",
            Handler="app.handler",
            Timeout=60,
            Code={"ZipFile": zipped(app=APP)},
            Publish=True,
        )
        self.client.create_alias(FunctionName=self.name, Name="live", FunctionVersion="1")

    def _call(self, until: Path) -> str:
        answer = self.client.invoke(
            FunctionName=self.name, Qualifier="live", Payload=json.dumps({"until": str(until)})
        )
        return str(json.loads(answer["Payload"].read()))

    @contextmanager
    def under_way(self, count: int, running: int | None = None) -> Iterator[list[Future[str]]]:
        """Hold so many calls, of which some run; they end at the end."""
        until = self._folder / uuid.uuid4().hex
        with ThreadPoolExecutor(count) as pool:
            futures = [pool.submit(self._call, until) for _ in range(count)]
            try:
                expected = count if running is None else running
                eventually(lambda: len(list(self._folder.glob(f"{until.name}-*"))) == expected)
                yield futures
            finally:
                until.touch()

    def metric(self, name: str, statistic: str) -> float:
        """Return a metric of the function over the last hour of the cloud's clock."""
        now = datetime.fromtimestamp(self.clock.advance(0), UTC)
        points = self.stage.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": self.name}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        values = [point[statistic] for point in points]
        return float(sum(values) if statistic == "Sum" else max(values))

    def minutes(self, count: int) -> None:
        for _ in range(count):
            self.clock.advance(60)


@pytest.fixture
def calls(stage: Stage, driven_clock: DrivenClock, tmp_path: Path) -> Calls:
    return Calls(stage, driven_clock, tmp_path)


def test_of_ten_calls_at_once_three_run_where_three_are_reserved(calls: Calls) -> None:
    calls.client.put_function_concurrency(FunctionName=calls.name, ReservedConcurrentExecutions=3)
    with calls.under_way(10, running=3) as futures:
        eventually(lambda: sum(future.done() for future in futures) == 7)
    refused = [future.exception() for future in futures if future.exception()]
    assert len(refused) == 7
    for error in refused:
        response: dict[str, Any] = error.response  # type: ignore[union-attr] # a ClientError
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert calls.metric("Throttles", "Sum") == 7
    assert calls.metric("Invocations", "Sum") == 3
    assert calls.metric("ConcurrentExecutions", "Maximum") == 3


def test_provisioned_concurrency_follows_its_use_between_the_bounds(calls: Calls) -> None:
    scaling = calls.stage.client("application-autoscaling")
    target = {
        "ServiceNamespace": "lambda",
        "ResourceId": f"function:{calls.name}:live",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)

    def serves(count: int) -> bool:
        calls.clock.advance(1)  # what was set is looked at by the clock
        config = calls.client.get_provisioned_concurrency_config(FunctionName=calls.name, Qualifier="live")
        latest = scaling.describe_scaling_activities(**target)["ScalingActivities"][0]
        return (config["AvailableProvisionedConcurrentExecutions"], config["Status"]) == (
            count,
            "READY",
        ) and (latest["StatusCode"] == "Successful")

    eventually(lambda: serves(1))
    scaling.put_scaling_policy(
        **target,
        PolicyName="use",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
            },
        },
    )
    with calls.under_way(1) as futures:
        calls.minutes(4)
    assert futures[0].result() == "provisioned-concurrency"
    eventually(lambda: serves(2))
    with calls.under_way(2) as futures:
        calls.minutes(4)
    assert [future.result() for future in futures] == ["provisioned-concurrency"] * 2
    eventually(lambda: serves(3))
    with calls.under_way(4) as futures:
        calls.minutes(4)
    assert sorted(future.result() for future in futures) == ["on-demand", *["provisioned-concurrency"] * 3]
    assert serves(3), "the maximum"
    with calls.under_way(1):
        calls.minutes(17)
    eventually(lambda: serves(2))
    activities = scaling.describe_scaling_activities(**target)["ScalingActivities"]
    assert [activity["Description"] for activity in reversed(activities)] == [
        f"Setting desired concurrency to {count}." for count in (1, 2, 3, 2)
    ]
    assert "-AlarmLow-" in activities[0]["Cause"]
    assert activities[0]["StatusMessage"].endswith("Change successfully fulfilled by lambda.")
    assert calls.metric("ProvisionedConcurrencySpilloverInvocations", "Sum") == 1
    scaling.deregister_scalable_target(**target)
