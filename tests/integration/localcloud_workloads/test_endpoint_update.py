"""Updates of endpoints under traffic: what rolls them back, what serves meanwhile, and what is shown."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .conftest import DrivenClock, Stage, eventually
from .small_models import SAGEMAKER, Endpoints

BAKE_SECONDS = 3600  # an alarm ends it


@pytest.fixture(scope="module")
def endpoints(stage: Stage) -> Endpoints:
    return Endpoints(stage)


@pytest.fixture
def alarm(stage: Stage) -> Iterator[str]:
    cloudwatch, name = stage.client("cloudwatch"), f"a-{uuid.uuid4().hex[:8]}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="Invocation5XXErrors",
        Namespace="AWS/SageMaker",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    yield name
    cloudwatch.delete_alarms(AlarmNames=[name])


def deployment(alarm: str, **routing: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "ALL_AT_ONCE",
                "WaitIntervalInSeconds": BAKE_SECONDS,
                **routing,
            }
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }


@contextmanager
def traffic(endpoints: Endpoints, name: str, body: bytes = b"x") -> Iterator[list[str]]:
    """Ask an endpoint again and again; the list gets the model, or the error, of each answer."""
    answers: list[str] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                answers.append(endpoints.ask(name, body)["model"])
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must see it
                answers.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        yield answers
    finally:
        ended.set()
        for client in clients:
            client.join()


def test_an_alarm_gives_all_traffic_back_to_the_fleet_that_served(endpoints: Endpoints, alarm: str) -> None:
    """What Terraform's provider takes for success: never a status but Updating and InService.

    Its waitEndpointInService (internal/service/sagemaker/endpoint.go) ends without an error at InService,
    whatever FailureReason and EndpointConfigName say.
    """
    name = endpoints.serving("old")
    before, config = endpoints.describe(name)["EndpointConfigName"], endpoints.config("new")
    half = {"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50}}
    with traffic(endpoints, name) as answers:
        endpoints.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=config, DeploymentConfig=deployment(alarm, **half)
        )

        def baking() -> dict[str, Any] | None:
            endpoint = endpoints.describe(name)
            assert endpoint["EndpointStatus"] == "Updating", endpoint.get("FailureReason")
            summary: dict[str, Any] = endpoint["PendingDeploymentSummary"]
            (variant,) = summary["ProductionVariants"]
            return summary if variant["VariantStatus"][0]["Status"] == "Baking" else None

        pending = eventually(baking, 60)
        assert pending["EndpointConfigName"] == config
        (variant,) = pending["ProductionVariants"]
        assert (variant["CurrentInstanceCount"], variant["InstanceType"]) == (1, "ml.m5.large")
        assert endpoints.describe(name)["EndpointConfigName"] == before
        eventually(lambda: {"old", "new"} <= set(answers[-20:]))  # the canary takes half of the traffic
        statuses = set()
        endpoints.stage.client("cloudwatch").set_alarm_state(
            AlarmName=alarm, StateValue="ALARM", StateReason="a test"
        )

        def ended() -> bool:
            statuses.add(status := endpoints.describe(name)["EndpointStatus"])
            return bool(status == "InService")

        eventually(ended)
    assert statuses <= {"Updating", "InService"}
    assert set(answers) == {"old", "new"}  # and no error
    endpoint = endpoints.describe(name)
    assert endpoint["EndpointConfigName"] == before
    assert alarm in endpoint["FailureReason"]
    assert "PendingDeploymentSummary" not in endpoint
    assert endpoint["LastDeploymentConfig"] == deployment(alarm, **half)
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert endpoint["ProductionVariants"][0]["DeployedImages"][0]["SpecifiedImage"]
    assert {endpoints.ask(name)["model"] for _ in range(10)} == {"old"}
    endpoints.delete(name)


def test_errors_of_a_canary_roll_it_back_by_the_alarm_that_counts_them(
    endpoints: Endpoints, driven_clock: DrivenClock
) -> None:
    """One in five requests fails at a canary that has one in five: nobody sets the alarm but its metric."""
    name = endpoints.serving("old")
    before, alarm, cloudwatch = (
        endpoints.describe(name)["EndpointConfigName"],
        f"errors-{name}",
        endpoints.stage.client("cloudwatch"),
    )
    dimensions = {"EndpointName": name, "VariantName": "v1"}
    cloudwatch.put_metric_alarm(  # as terraform/modules/observability
        AlarmName=alarm,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    driven_clock.advance(60 - driven_clock.advance(0) % 60)
    fifth = {"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20}}
    endpoints.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=endpoints.config("failing"),
        DeploymentConfig=deployment(alarm, **fifth),
    )

    def baking() -> bool:
        (variant,) = endpoints.describe(name)["PendingDeploymentSummary"]["ProductionVariants"]
        return bool(variant["VariantStatus"][0]["Status"] == "Baking")

    eventually(baking, 60)
    answers: Counter[str] = Counter()

    def ask() -> None:
        try:
            answers[endpoints.ask(name)["model"]] += 1
        except endpoints.runtime.exceptions.ClientError:
            answers["error"] += 1

    while answers["error"] < 3:
        ask()
        assert answers.total() < 1000
    assert endpoints.describe(name)["EndpointStatus"] == "Updating", "the minute has not ended"
    driven_clock.advance(60)
    driven_clock.advance(1)
    endpoint = endpoints.settled(name)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", before)
    assert alarm in endpoint["FailureReason"]
    history = cloudwatch.describe_alarm_history(AlarmName=alarm, HistoryItemType="StateUpdate")
    latest = json.loads(history["AlarmHistoryItems"][0]["HistoryData"])["newState"]
    assert latest["stateValue"] == "ALARM"
    assert latest["stateReasonData"]["recentDatapoints"] == [answers["error"]]
    assert answers["error"] / answers.total() < 0.2, "most requests never met the canary"
    failed = answers["error"]
    for _ in range(20):
        ask()
    assert answers["error"] == failed
    endpoints.delete(name)
    cloudwatch.delete_alarms(AlarmNames=[alarm])


def test_a_request_under_way_is_answered_by_the_fleet_that_has_it(endpoints: Endpoints) -> None:
    name = endpoints.serving("old")
    with traffic(endpoints, name, b"slow") as answers:
        eventually(lambda: answers)
        endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=endpoints.config("new"))
        assert "FailureReason" not in endpoints.settled(name)
    assert set(answers) == {"old", "new"}
    endpoints.delete(name)


def test_a_role_that_may_not_read_the_alarms_cannot_update(endpoints: Endpoints, alarm: str) -> None:
    statements = [{"Effect": "Allow", "Action": ["logs:*", "s3:*"], "Resource": "*"}]
    name = endpoints.serving("old")
    config = endpoints.config("new", role=endpoints.stage.role(SAGEMAKER, statements))
    endpoints.sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=config, DeploymentConfig=deployment(alarm)
    )
    reason = endpoints.settled(name)["FailureReason"]
    assert "cloudwatch:DescribeAlarms" in reason
    assert "AccessDenied (403)" in reason
    assert endpoints.ask(name)["model"] == "old"
    endpoints.sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=endpoints.config("new"), DeploymentConfig=deployment("none")
    )
    assert "could not be found: none" in endpoints.settled(name)["FailureReason"]
    endpoints.delete(name)


def test_a_scalable_target_holds_its_variant_and_goes_with_the_endpoint(endpoints: Endpoints) -> None:
    name = endpoints.serving("old")
    scaling = endpoints.stage.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/v1",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    other = endpoints.config("new", instance_type="ml.c7i.large")
    with pytest.raises(
        endpoints.sagemaker.exceptions.ClientError, match=r'variant\(s\) "v1" must be deregis'
    ):
        endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=other)
    scaling.deregister_scalable_target(**target)
    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=other)
    assert endpoints.settled(name)["EndpointConfigName"] == other
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)

    # AWS says not to delete what an endpoint uses, and does not prevent it.
    (variant,) = endpoints.sagemaker.describe_endpoint_config(EndpointConfigName=other)["ProductionVariants"]
    endpoints.sagemaker.delete_endpoint_config(EndpointConfigName=other)
    endpoints.sagemaker.delete_model(ModelName=variant["ModelName"])
    assert endpoints.ask(name)["model"] == "new"
    assert endpoints.describe(name)["EndpointConfigName"] == other
    with pytest.raises(endpoints.sagemaker.exceptions.ClientError, match="Could not find endpoint config"):
        endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=other)

    credentials = endpoints.stage.session([{"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}])
    restricted = endpoints.stage.client("sagemaker", credentials)
    with pytest.raises(restricted.exceptions.ClientError, match="application-autoscaling:Deregister"):
        restricted.delete_endpoint(EndpointName=name)
    endpoints.delete(name)
    listed = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]]
    )
    assert not listed["ScalableTargets"]
