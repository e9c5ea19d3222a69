"""Endpoints whose instances come and go: draining, launches by the clock, baking, serverless, metrics."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kennel.localcloud.connection import administer
from kennel.localcloud.host_limit import cores

from .conftest import DrivenClock, Stage, eventually
from .small_models import Endpoints

LAUNCH, BAKE = 180, 600


class Driven(DrivenClock):
    """It, and how long an instance launches."""

    def set_launch(self, seconds: float) -> None:
        administer(self._stage.environment, "endpoints", launch=seconds)


@pytest.fixture
def driven(stage: Stage) -> Iterator[Driven]:
    administer(stage.environment, "clock", speed=0)
    yield Driven(stage)
    administer(stage.environment, "endpoints", launch=0)
    administer(stage.environment, "clock", speed=1)


@pytest.fixture(scope="module")
def endpoints(stage: Stage) -> Endpoints:
    return Endpoints(stage)


@pytest.fixture(scope="module")
def scaled(endpoints: Endpoints) -> Iterator[str]:
    """An endpoint of three instances."""
    routing = {"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}
    name = endpoints.serving("first", count=3, variant=routing)
    yield name
    endpoints.delete(name)


def set_count(endpoints: Endpoints, name: str, count: int) -> None:
    change = {"VariantName": "v1", "DesiredInstanceCount": count}
    endpoints.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[change]
    )


def counts(endpoint: dict[str, Any]) -> tuple[str, int, int]:
    (variant,) = endpoint["ProductionVariants"]
    return endpoint["EndpointStatus"], variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]


def test_no_request_fails_while_instances_go(endpoints: Endpoints, scaled: str) -> None:
    ended, pids, errors = threading.Event(), list[int](), list[str]()

    def ask(body: bytes) -> None:
        while not ended.is_set():
            try:
                pids.append(endpoints.ask(scaled, body)["pid"])
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must see it
                errors.append(repr(error))

    with ThreadPoolExecutor(6) as clients:
        for body in (b"x", b"x", b"x", b"slow", b"slow", b"slow"):
            clients.submit(ask, body)
        try:
            # The slow ones hold an instance each: what routes by outstanding requests reaches all of them.
            eventually(lambda: len(set(pids)) == 3)
            set_count(endpoints, scaled, 1)
            assert counts(endpoints.settled(scaled)) == ("InService", 1, 1)
            before = len(pids)
            eventually(lambda: len(pids) > before + 20)
        finally:
            ended.set()
    assert errors == []
    assert len({endpoints.ask(scaled)["pid"] for _ in range(5)}) == 1
    assert endpoints.describe(scaled)["ProductionVariants"][0]["RoutingConfig"] == {
        "RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"
    }


def test_an_instance_is_there_after_its_launch_by_the_clock(
    endpoints: Endpoints, scaled: str, driven: Driven
) -> None:
    driven.set_launch(LAUNCH)
    set_count(endpoints, scaled, 1)
    driven.advance(0)
    assert counts(endpoints.describe(scaled)) == ("InService", 1, 1)
    set_count(endpoints, scaled, 2)
    driven.advance(LAUNCH - 1)
    assert counts(endpoints.describe(scaled)) == ("Updating", 1, 2)
    assert len({endpoints.ask(scaled)["pid"] for _ in range(5)}) == 1
    driven.advance(1)
    assert counts(endpoints.describe(scaled)) == ("InService", 2, 2)
    assert len({endpoints.ask(scaled)["pid"] for _ in range(30)}) == 2


def test_instances_publish_what_they_use(endpoints: Endpoints, scaled: str, driven: Driven) -> None:
    driven.advance(60)
    endpoints.ask(scaled)
    driven.advance(60)
    cloudwatch = endpoints.stage.client("cloudwatch")
    listed = {
        (metric["Namespace"], metric["MetricName"])
        for metric in cloudwatch.list_metrics(Dimensions=[{"Name": "EndpointName", "Value": scaled}])[
            "Metrics"
        ]
    }
    assert listed == {
        *(("/aws/sagemaker/Endpoints", name) for name in ("CPUUtilization", "MemoryUtilization")),
        ("AWS/SageMaker", "ConcurrentRequestsPerModel"),
        *(("AWS/SageMaker", name) for name in ("Invocations", "InvocationsPerInstance")),
        *(("AWS/SageMaker", name) for name in ("ModelLatency", "OverheadLatency")),
        *(("AWS/SageMaker", f"Invocation{kind}Errors") for kind in ("4XX", "5XX", "Model")),
    }


def test_each_instance_has_its_own_figures(
    endpoints: Endpoints, scaled: str, driven: Driven, tmp_path: Path
) -> None:
    instances = endpoints.describe(scaled)["ProductionVariants"][0]["CurrentInstanceCount"]
    assert instances == 2
    gate = tmp_path / "open"

    def figures(namespace: str, name: str, period: int) -> dict[str, Any]:
        """Return the last statistics of a metric."""
        now = driven.advance(0)
        answer = endpoints.stage.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": "EndpointName", "Value": scaled}, {"Name": "VariantName", "Value": "v1"}],
            StartTime=now - period,
            EndTime=now + period,
            Period=period,
            Statistics=["Minimum", "Maximum", "SampleCount"],
        )
        last: dict[str, Any] = max(answer["Datapoints"], key=lambda point: point["Timestamp"])
        return last

    with ThreadPoolExecutor(1) as clients:
        under_way = clients.submit(endpoints.ask, scaled, f"until {gate}".encode())
        try:

            def arrived() -> bool:
                driven.advance(10)
                return figures("AWS/SageMaker", "ConcurrentRequestsPerModel", 10)["Maximum"] == 1

            eventually(arrived)
            concurrent = figures("AWS/SageMaker", "ConcurrentRequestsPerModel", 10)
        finally:
            gate.touch()
        under_way.result()
    assert (concurrent["Minimum"], concurrent["Maximum"], concurrent["SampleCount"]) == (0, 1, instances)
    driven.advance(60)
    for name, most in (("CPUUtilization", 100 * cores()), ("MemoryUtilization", 100)):
        used = figures("/aws/sagemaker/Endpoints", name, 60)
        assert 0 <= used["Minimum"] <= used["Maximum"] <= most
        assert used["SampleCount"] == instances
    assert figures("/aws/sagemaker/Endpoints", "MemoryUtilization", 60)["Minimum"] > 0


def test_a_deployment_bakes_by_the_clock(endpoints: Endpoints, driven: Driven) -> None:
    name = endpoints.create(endpoints.config("old"))
    driven.advance(0)  # returns when what starts has started
    config = endpoints.config("new")
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": BAKE,
    }
    endpoints.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=config,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )
    driven.advance(BAKE - 1)
    assert endpoints.describe(name)["EndpointStatus"] == "Updating"
    assert {endpoints.ask(name)["model"] for _ in range(60)} == {"old", "new"}
    driven.advance(1)
    assert {endpoints.ask(name)["model"] for _ in range(20)} == {"new"}
    driven.advance(BAKE - 1)
    assert endpoints.describe(name)["EndpointStatus"] == "Updating"
    driven.advance(1)
    endpoint = endpoints.describe(name)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", config)
    endpoints.delete(name)


def test_a_serverless_endpoint_throttles_and_starts_anew_after_idling(
    endpoints: Endpoints, driven: Driven, tmp_path: Path
) -> None:
    limits = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    name = endpoints.create(endpoints.config("on demand", variant=limits))
    driven.advance(0)
    endpoint = endpoints.describe(name)
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    (variant,) = endpoint["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == limits["ServerlessConfig"]
    assert "CurrentInstanceCount" not in variant
    first = endpoints.ask(name)["pid"]

    gate = tmp_path / "open"
    waiting: Future[Any]
    with ThreadPoolExecutor(1) as clients:

        def answer(text: bytes) -> Any:
            """Return None if the call is throttled."""
            try:
                return endpoints.ask(name, text)
            except endpoints.runtime.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "ThrottlingException":
                    raise
                return None

        # Either of the two may come first, and throttle the other one.
        waiting = clients.submit(eventually, lambda: answer(f"until {gate}".encode()))
        try:
            eventually(lambda: answer(b"at once") is None)
        finally:
            gate.touch()
        assert waiting.result()["pid"] == first
    assert endpoints.ask(name)["pid"] == first

    driven.advance(3600)
    assert endpoints.ask(name)["pid"] != first  # a cold start
    cloudwatch = endpoints.stage.client("cloudwatch")
    dimensions = [{"Name": "EndpointName", "Value": name}]
    metrics = {each["MetricName"] for each in cloudwatch.list_metrics(Dimensions=dimensions)["Metrics"]}
    assert {"ModelSetupTime", "ServerlessConcurrentExecutionsUtilization", "MemoryUtilization"} <= metrics
    assert not metrics & {"InvocationsPerInstance", "CPUUtilization", "ConcurrentRequestsPerModel"}

    update = {"MaxConcurrency": 3, "ProvisionedConcurrency": 2}
    change = {"VariantName": "v1", "ServerlessUpdateConfig": update}
    endpoints.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[change]
    )
    driven.advance(3600)
    (variant,) = endpoints.describe(name)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, **update}
    endpoints.delete(name)


SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}


@pytest.mark.parametrize(
    ("variant", "more", "words"),
    [
        ({"InstanceType": "ml.m5.large"}, {}, "InstanceType and ServerlessConfig"),
        ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 201}}, {}, "between 1 and 200"),
        (
            {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 2, "ProvisionedConcurrency": 3}},
            {},
            "must not be greater than MaxConcurrency",
        ),
        ({"ServerlessConfig": {"MemorySizeInMB": 2000, "MaxConcurrency": 2}}, {}, "MemorySizeInMB"),
        (
            {},
            {
                "DataCaptureConfig": {
                    "EnableCapture": True,
                    "InitialSamplingPercentage": 1,
                    "DestinationS3Uri": "s3://b/c",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            "do not support data capture",
        ),
        ({}, {"EnableNetworkIsolation": True}, "do not support network isolation"),
        ({}, {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}, "a VPC configuration"),
    ],
)
def test_what_a_serverless_variant_cannot_have_is_refused(
    endpoints: Endpoints, variant: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    with pytest.raises(endpoints.sagemaker.exceptions.ClientError, match=words):
        endpoints.sagemaker.create_endpoint_config(
            EndpointConfigName="refused",
            ProductionVariants=[{"VariantName": "v1", "ModelName": "m", **SERVERLESS, **variant}],
            **more,
        )


def test_other_refusals(endpoints: Endpoints, scaled: str) -> None:
    error = endpoints.sagemaker.exceptions.ClientError
    with pytest.raises(error, match="routes requests by RANDOM and LEAST_OUTSTANDING_REQUESTS"):
        endpoints.config("x", variant={"RoutingConfig": {"RoutingStrategy": "KV_AWARE"}})
    with pytest.raises(error, match="cannot be updated to a serverless endpoint"):
        endpoints.sagemaker.update_endpoint(
            EndpointName=scaled, EndpointConfigName=endpoints.config("x", variant=SERVERLESS)
        )
    change = {"VariantName": "v1", "ServerlessUpdateConfig": {"MaxConcurrency": 3}}
    with pytest.raises(error, match="Variant v1 is not serverless"):
        endpoints.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=scaled, DesiredWeightsAndCapacities=[change]
        )
