"""Application Auto Scaling on a driven clock: alarms, decisions, activities, and scheduled actions.

The endpoint is a stand-in that takes counts; real ones scale in tests/integration/localcloud_workloads.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.capacity.scaling.tracker import Tracker
from kennel.localcloud.authorization.identify import OPERATOR
from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import handler_of
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.principal import service_principal
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.cloudwatch_metrics import publish
from kennel.localcloud.services import register
from kennel.localcloud.services.application_autoscaling import decisions
from kennel.localcloud.services.application_autoscaling.restart import keep_scaling
from kennel.localcloud.services.application_autoscaling.state import Scaling
from kennel.localcloud.services.cloudwatch.evaluation import evaluate_alarms
from kennel.localcloud.services.sagemaker.endpoints.endpoint import endpoints

MINUTE, DAY = 60, 86400
VARIANT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
INVOCATIONS = {
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
}
SUCCESS = "Change successfully fulfilled by sagemaker."


class StandIn:
    """An endpoint whose instances serve at once, or when the test says so."""

    def __init__(self, count: int) -> None:
        self.name, self.at_once, self.calls = "e", True, list[int]()
        self.plan = SimpleNamespace(variants=[SimpleNamespace(name="v", instance_type="ml.m5.large")])
        self.record = SimpleNamespace(
            endpoint_status="InService",
            failure_reason=None,
            production_variants=[{"VariantName": "v", "DesiredInstanceCount": count}],
        )

    def scale(self, changes: list[dict[str, Any]]) -> None:
        count = changes[0]["DesiredInstanceCount"]
        self.calls.append(count)
        self.record.production_variants = [{"VariantName": "v", "DesiredInstanceCount": count}]
        if not self.at_once:
            self.record.endpoint_status = "Updating"

    @property
    def count(self) -> int:
        return int(self.record.production_variants[0]["DesiredInstanceCount"])


class Driven:
    """A cloud on a driven clock that shows a full day, with one endpoint."""

    def __init__(self, cloud: Cloud, count: int = 1) -> None:
        self.cloud, self.clock, self.caller = cloud, cloud.clock, OPERATOR
        self.clock.advance(DAY - self.clock.time() % DAY)
        self.endpoint = StandIn(count)
        endpoints(cloud)["e"] = self.endpoint  # type: ignore[assignment] # a stand-in
        evaluate_alarms(cloud)

    def call(self, operation: str, service: str = "application-autoscaling", **parameters: Any) -> Any:
        handler = handler_of(service, operation)
        assert handler is not None
        request = ApiRequest(service, operation, self.caller, parameters)
        return handler(Call(request, self.cloud, moto=None, environ={}))  # type: ignore[arg-type] # not asked

    def target(self, minimum: int = 1, maximum: int = 10, **more: Any) -> str:
        answer = self.call(
            "RegisterScalableTarget", **VARIANT, MinCapacity=minimum, MaxCapacity=maximum, **more
        )
        return str(answer["ScalableTargetARN"])

    def policy(self, name: str = "p", target: float = 100.0, **settings: Any) -> dict[str, Any]:
        configuration = {"TargetValue": target, **(settings or INVOCATIONS)}
        if not {"PredefinedMetricSpecification", "CustomizedMetricSpecification"} & configuration.keys():
            configuration |= INVOCATIONS
        return dict(
            self.call(
                "PutScalingPolicy",
                **VARIANT,
                PolicyName=name,
                PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration=configuration,
            )
        )

    def minutes(self, *values: float | None) -> list[int]:
        """Publish a value in each of so many minutes, and return the number of instances after each."""
        counts = []
        for value in values:
            if value is not None:
                self.publish(value)
            self.clock.advance(MINUTE)
            counts.append(self.endpoint.count)
        return counts

    def publish(self, value: float, metric: str = "InvocationsPerInstance", **more: Any) -> None:
        dimensions = {"EndpointName": "e", "VariantName": "v"}
        publish(self.cloud, "AWS/SageMaker", dimensions, **{metric: value}, **more)

    def activities(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the activities, the oldest first."""
        answer = self.call("DescribeScalingActivities", ServiceNamespace="sagemaker", **filters)
        return list(reversed(answer["ScalingActivities"]))

    def causes(self, **filters: Any) -> list[str]:
        return [activity["Cause"] for activity in self.activities(**filters)]


@pytest.fixture
def driven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    for name in ("MOTO_PORT", "MOTO_ACCOUNT_ID"):
        monkeypatch.setenv(name, "")
    register()
    made = Driven(Cloud(tmp_path, 4510, Clock(0)))
    yield made
    alarms = made.call("DescribeAlarms", "cloudwatch")["MetricAlarms"]
    if alarms:
        made.call("DeleteAlarms", "cloudwatch", AlarmNames=[alarm["AlarmName"] for alarm in alarms])
    made.cloud.shutdown()


def test_out_after_the_third_minute_and_in_after_the_fifteenth(driven: Driven) -> None:
    driven.target()
    driven.policy()
    assert driven.minutes(*[250.0] * 3) == [1, 1, 3]
    assert driven.minutes(*[40.0] * 15) == [3] * 14 + [2]
    driven.clock.advance(1)
    out, back = driven.activities()
    assert out["Description"] == "Setting desired instance count to 3."
    assert out["StatusCode"] == back["StatusCode"] == "Successful"
    assert out["StatusMessage"] == f"Successfully set desired instance count to 3. {SUCCESS}"
    assert out["Cause"].startswith("monitor alarm TargetTracking-endpoint/e/variant/v-AlarmHigh-")
    assert out["Cause"].endswith(" in state ALARM triggered policy p")
    assert "-AlarmLow-" in back["Cause"]
    assert (back["StartTime"] - out["StartTime"]).total_seconds() == 15 * MINUTE
    assert out["StartTime"] < out["EndTime"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ScaleOutCooldown": 60, "ScaleInCooldown": 120},
        {"ScaleOutCooldown": 0, "ScaleInCooldown": 0},
        {"DisableScaleIn": True},
    ],
    ids=["defaults", "short cooldowns", "none", "no scale-in"],
)
def test_instance_counts_are_those_of_the_algorithm_at_every_minute(
    driven: Driven, settings: dict[str, Any]
) -> None:
    load = (
        [90.0, 180, 260, 300, 320, 900, 900, 880, 900, 890, 900, 500, 400]
        + [120.0] * 20
        + [None, None]
        + [30.0] * 40
    )
    driven.target(maximum=8)
    driven.policy(**settings)
    tracker = Tracker(
        TargetTracking(
            100.0,
            1,
            8,
            scale_out_cooldown=settings.get("ScaleOutCooldown", 300),
            scale_in_cooldown=settings.get("ScaleInCooldown", 300),
            scale_in=not settings.get("DisableScaleIn"),
        ),
        1,
    )
    acted, expected = [], []
    for total in load:
        acted += driven.minutes(None if total is None else total / driven.endpoint.count)
        now = driven.clock.time()
        if tracker.datapoint(None if total is None else total / tracker.capacity, now):
            tracker.completed(now + 1)  # the local cloud looks a second later
        expected.append(tracker.capacity)
    assert acted == expected
    assert max(acted) == 8


def test_counts_are_those_of_the_algorithm_with_the_high_resolution_metric_too(driven: Driven) -> None:
    load = [3.0] * 5 + [9.0] * 4 + [14.0] * 30 + [30.0] * 9 + [2.0] * 200
    metric = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    driven.target(maximum=8)
    driven.policy(target=5.0, PredefinedMetricSpecification=metric, ScaleOutCooldown=120)
    tracker = Tracker(TargetTracking(5.0, 1, 8, scale_out_cooldown=120, high_resolution=True), 1)
    acted, expected = [], []
    for total in load:
        driven.publish(total / driven.endpoint.count, "ConcurrentRequestsPerModel", resolution=1)
        driven.clock.advance(10)
        acted.append(driven.endpoint.count)
        if tracker.datapoint(total / tracker.capacity, driven.clock.time()):
            tracker.completed(driven.clock.time() + 1)
        expected.append(tracker.capacity)
    assert acted == expected
    assert (max(acted), acted[-1]) == (6, 1)


def test_bounds_that_change_while_a_decision_is_made_hold(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven.target(maximum=10)
    driven.policy()
    weigh = decisions._weigh
    callers: list[threading.Thread] = []

    def interrupted(*arguments: Any) -> Any:
        outcome = weigh(*arguments)
        caller = threading.Thread(target=lambda: driven.target(maximum=2))
        caller.start()
        caller.join(0.3)  # it may have to wait until the decision is carried out
        callers.append(caller)
        return outcome

    with monkeypatch.context() as patched:
        patched.setattr(decisions, "_weigh", interrupted)
        driven.minutes(800.0, 800.0, 800.0)
    for caller in callers:
        caller.join()
    assert callers
    assert driven.endpoint.calls[-1] == 2


def test_what_is_set_is_in_the_audit_log_as_the_service_linked_role_s_call(driven: Driven) -> None:
    driven.target(minimum=2)
    [described] = driven.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    role = described["RoleARN"].rpartition("/")[2]
    assert role == "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    calls = [entry for entry in driven.cloud.audit_log.entries() if role in entry.principal]
    assert [(entry.action, entry.resource, entry.decision, entry.status) for entry in calls] == [
        (
            "sagemaker:UpdateEndpointWeightsAndCapacities",
            "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e",
            "allow",
            200,
        )
    ]
    assert driven.endpoint.calls == [2]


def test_the_high_resolution_metric_scales_out_after_thirty_seconds(driven: Driven) -> None:
    driven.target()
    metric = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    answer = driven.policy(target=5.0, PredefinedMetricSpecification=metric)
    [high, low] = driven.call(
        "DescribeAlarms", "cloudwatch", AlarmNames=[each["AlarmName"] for each in answer["Alarms"]]
    )["MetricAlarms"]
    assert [(alarm["Period"], alarm["EvaluationPeriods"]) for alarm in (high, low)] == [(10, 3), (10, 90)]
    counts = []
    for _ in range(3):
        driven.publish(10.0, "ConcurrentRequestsPerModel", resolution=1)
        driven.clock.advance(10)
        counts.append(driven.endpoint.count)
    assert counts == [1, 1, 2]


def test_the_alarms_are_made_as_aws_makes_them_and_go_with_the_policy(driven: Driven) -> None:
    driven.target()
    answer = driven.policy()
    arn = answer["PolicyARN"]
    assert arn.startswith("arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:")
    assert arn.endswith(":resource/sagemaker/endpoint/e/variant/v:policyName/p")
    alarms = driven.call("DescribeAlarms", "cloudwatch", AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in alarms] == [each["AlarmName"] for each in answer["Alarms"]]
    high, low = alarms
    assert (high["Threshold"], high["ComparisonOperator"]) == (100.0, "GreaterThanThreshold")
    assert (low["Threshold"], low["ComparisonOperator"]) == (90.0, "LessThanThreshold")
    assert high["AlarmActions"] == low["AlarmActions"] == [arn]
    assert (high["MetricName"], high["Namespace"], high["Statistic"], high["Period"]) == (
        "InvocationsPerInstance",
        "AWS/SageMaker",
        "Sum",
        60,
    )
    again = driven.policy(target=50.0)
    assert again == answer, "a changed policy keeps its ARN and its alarms"
    [high, _] = driven.call("DescribeAlarms", "cloudwatch", AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    assert high["Threshold"] == 50.0
    [described] = driven.call("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert described["Alarms"] == answer["Alarms"]
    assert described["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 50.0
    driven.call("DeleteScalingPolicy", **VARIANT, PolicyName="p")
    assert not driven.call("DescribeAlarms", "cloudwatch", AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    with pytest.raises(
        AwsError, match="No scaling policy found for service namespace: sagemaker, resource ID"
    ):
        driven.call("DeleteScalingPolicy", **VARIANT, PolicyName="p")


def test_a_customised_metric_with_metric_math(driven: Driven) -> None:
    driven.target()
    stat = {
        "Metric": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocations",
            "Dimensions": [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}],
        },
        "Stat": "Sum",
    }
    queries = [
        {"Id": "m", "MetricStat": stat, "ReturnData": False},
        {"Id": "half", "Expression": "m / 2", "ReturnData": True},
    ]
    driven.policy(CustomizedMetricSpecification={"Metrics": queries})
    for _ in range(3):
        driven.publish(400.0, "Invocations")
        driven.clock.advance(MINUTE)
    assert driven.endpoint.count == 2


def test_bounds_are_enforced_when_a_target_is_registered_and_changed(driven: Driven) -> None:
    arn = driven.target(minimum=2, maximum=5)
    assert driven.endpoint.count == 2
    assert driven.target(minimum=4, maximum=5) == arn
    assert driven.endpoint.count == 4
    driven.call("RegisterScalableTarget", **VARIANT, MinCapacity=1, MaxCapacity=3)
    assert driven.endpoint.count == 3
    assert driven.causes() == [
        "minimum capacity was set to 2",
        "minimum capacity was set to 4",
        "maximum capacity was set to 3",
    ]
    driven.clock.advance(1)
    assert [each["StatusCode"] for each in driven.activities()] == ["Overridden", "Overridden", "Successful"]


def test_a_cooldown_ends_whose_activity_a_new_bound_has_overridden(driven: Driven) -> None:
    driven.target()
    driven.policy()
    assert driven.minutes(*[200.0] * 3) == [1, 1, 2]
    driven.target(minimum=4)
    assert [each["StatusCode"] for each in driven.activities()] == ["Overridden", "InProgress"]
    assert driven.minutes(*[150.0] * 5) == [4, 4, 4, 4, 6], "from 1 in the cooldown of 5 minutes, then from 4"


def test_what_an_endpoint_under_update_does_not_take_is_set_later(driven: Driven) -> None:
    driven.target()
    driven.policy()
    driven.endpoint.record.endpoint_status = "Updating"
    assert driven.minutes(*[300.0] * 4) == [1] * 4
    driven.target(minimum=2)
    assert driven.endpoint.count == 1
    [refused] = driven.activities(IncludeNotScaledActivities=True)
    assert refused["NotScaledReasons"][0]["Code"] == "TargetServicePutResourceAsUnscalable"
    driven.endpoint.record.endpoint_status = "InService"
    driven.clock.advance(10)
    assert driven.endpoint.count == 2, "the bound first"
    assert driven.minutes(300.0) == [6], "then the policy, whose alarm still stands"


def test_an_activity_is_in_progress_until_the_instances_serve(driven: Driven) -> None:
    driven.target()
    driven.policy()
    driven.endpoint.at_once = False
    driven.minutes(*[200.0] * 3)
    [activity] = driven.activities()
    assert activity["StatusCode"] == "InProgress"
    assert "Waiting for change to be fulfilled by sagemaker." in activity["StatusMessage"]
    assert "EndTime" not in activity
    assert driven.minutes(900.0, 900.0) == [2, 2], "nothing more while it is updated"
    driven.endpoint.record.endpoint_status = "InService"
    driven.clock.advance(1)
    [activity] = driven.activities()
    assert activity["StatusCode"] == "Successful"
    assert (activity["EndTime"] - activity["StartTime"]).total_seconds() == 121


def test_an_endpoint_that_could_not_provide_the_instances_leaves_the_change_unfulfilled(
    driven: Driven,
) -> None:
    driven.target()
    driven.policy()
    driven.endpoint.at_once = False
    driven.minutes(*[200.0] * 3)
    driven.endpoint.record.production_variants[0]["DesiredInstanceCount"] = 1
    driven.endpoint.record.endpoint_status = "InService"
    driven.endpoint.record.failure_reason = "An instance did not start."
    driven.clock.advance(1)
    [activity] = driven.activities()
    assert activity["StatusCode"] == "Unfulfilled"
    assert "An instance did not start." in activity["StatusMessage"]
    driven.endpoint.record.failure_reason = None
    assert driven.minutes(200.0) == [2], "no cooldown after a failure"


def test_suspended_processes_do_nothing_until_they_are_resumed(driven: Driven) -> None:
    driven.target(SuspendedState={"DynamicScalingOutSuspended": True})
    driven.policy()
    assert driven.minutes(*[300.0] * 4) == [1] * 4
    [target] = driven.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["SuspendedState"] == {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": True,
        "ScheduledScalingSuspended": False,
    }
    driven.call("RegisterScalableTarget", **VARIANT, SuspendedState={"DynamicScalingOutSuspended": False})
    assert driven.minutes(300.0) == [3], "an alarm that is in breach is evaluated again"


def test_reasons_for_not_scaling_are_listed_on_request(driven: Driven) -> None:
    driven.target(maximum=1)
    driven.policy()
    driven.minutes(*[300.0] * 5)
    assert driven.activities() == []
    [activity] = driven.activities(IncludeNotScaledActivities=True)
    assert activity["Description"] == "Attempting to scale due to alarm triggered"
    assert activity["StatusCode"] == "Failed"
    assert activity["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 1}]
    driven.minutes(*[10.0] * 15)
    last = driven.activities(IncludeNotScaledActivities=True)[-1]
    assert last["NotScaledReasons"] == [{"Code": "AutoScalingAnticipatedFlapping", "CurrentCapacity": 1}]


def test_the_largest_of_several_policies_counts_and_all_must_be_ready_to_scale_in(driven: Driven) -> None:
    dimensions = [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}]
    other = {
        "MetricName": "Load",
        "Namespace": "AWS/SageMaker",
        "Dimensions": dimensions,
        "Statistic": "Average",
    }
    driven.target()
    driven.policy("first")
    driven.policy("second", 10.0, CustomizedMetricSpecification=other)
    for _ in range(3):
        driven.publish(200.0)
        driven.publish(50.0, "Load")
        driven.clock.advance(MINUTE)
    assert driven.endpoint.calls == [5], "5 by the second policy, 2 by the first"
    assert driven.causes()[0].endswith("triggered policy second")
    for _ in range(16):
        driven.publish(10.0)
        driven.publish(10.0, "Load")
        driven.clock.advance(MINUTE)
    assert driven.endpoint.count == 5, "the second is not ready"
    for _ in range(15):
        driven.publish(10.0)
        driven.publish(3.0, "Load")
        driven.clock.advance(MINUTE)
    assert driven.endpoint.count == 2, "again the larger of 1 and 2"


def test_one_metric_has_one_policy(driven: Driven) -> None:
    driven.target()
    driven.policy("first")
    with pytest.raises(AwsError, match="Only one TargetTrackingScaling policy for a given metric"):
        driven.policy("second")


def test_step_scaling_by_an_alarm_of_ones_own(driven: Driven) -> None:
    driven.target()
    steps = [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 100.0, "ScalingAdjustment": 2},
        {"MetricIntervalLowerBound": 100.0, "ScalingAdjustment": 3},
    ]
    configuration = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "Cooldown": 300}
    answer = driven.call(
        "PutScalingPolicy",
        **VARIANT,
        PolicyName="steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration=configuration,
    )
    assert answer["Alarms"] == []
    driven.call(
        "PutMetricAlarm",
        "cloudwatch",
        AlarmName="busy",
        Namespace="AWS/SageMaker",
        MetricName="InvocationsPerInstance",
        Dimensions=[{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=100.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[answer["PolicyARN"]],
    )
    assert driven.minutes(150.0, 150.0, 250.0, 250.0) == [3, 3, 4, 4]
    assert driven.causes()[0] == "monitor alarm busy in state ALARM triggered policy steps"


def test_a_scheduled_action_changes_the_bounds_and_then_the_capacity(driven: Driven) -> None:
    driven.target(maximum=5)
    put = {**VARIANT, "ScheduledActionName": "morning"}
    driven.call(
        "PutScheduledAction",
        **put,
        Schedule="cron(0 9 * * ? *)",
        Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 8},
    )
    [action] = driven.call("DescribeScheduledActions", ServiceNamespace="sagemaker")["ScheduledActions"]
    assert action["Schedule"] == "cron(0 9 * * ? *)"
    assert action["Timezone"] == "Europe/Berlin"
    driven.clock.advance(DAY)
    assert driven.endpoint.calls == [3]
    bounds, capacity = driven.activities()
    assert bounds["Description"] == "Setting min capacity to 3 and max capacity to 8"
    assert bounds["Cause"] == "scheduled action name morning was triggered"
    assert bounds["StatusMessage"] == "Successfully set min capacity to 3 and max capacity to 8"
    assert bounds["StartTime"].hour in (7, 8), "09:00 in Berlin"
    assert capacity["Cause"] == "minimum capacity was set to 3"
    [target] = driven.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 8)
    driven.call("DeleteScheduledAction", **put)
    driven.target(minimum=1, maximum=2)
    driven.clock.advance(DAY)
    assert driven.endpoint.count == 2


def test_scheduled_actions_run_in_a_cooldown_and_not_while_suspended(driven: Driven) -> None:
    driven.target()
    driven.policy()
    driven.minutes(*[200.0] * 3)
    soon = datetime.fromtimestamp(driven.clock.time() + 30, UTC)
    action = {**VARIANT, "ScheduledActionName": "soon", "Schedule": f"at({soon:%Y-%m-%dT%H:%M:%S})"}
    driven.call("PutScheduledAction", **action, ScalableTargetAction={"MinCapacity": 6})
    driven.clock.advance(31)
    assert driven.endpoint.count == 6
    driven.call("RegisterScalableTarget", **VARIANT, SuspendedState={"ScheduledScalingSuspended": True})
    driven.call(
        "PutScheduledAction",
        **{**action, "Schedule": "rate(1 minute)"},
        ScalableTargetAction={"MinCapacity": 9},
    )
    driven.clock.advance(2 * MINUTE)
    assert driven.endpoint.count == 6


def test_what_does_not_exist_or_is_not_valid_is_refused(driven: Driven) -> None:
    missing = {**VARIANT, "ResourceId": "endpoint/none/variant/v"}
    with pytest.raises(AwsError, match="endpoint variant doesn't exist: endpoint/none/variant/v"):
        driven.call("RegisterScalableTarget", **missing, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(AwsError, match="MinCapacity and MaxCapacity are required"):
        driven.call("RegisterScalableTarget", **VARIANT, MinCapacity=1)
    with pytest.raises(AwsError, match="Maximum capacity cannot be less than minimum capacity"):
        driven.target(minimum=3, maximum=2)
    with pytest.raises(AwsError, match="No scalable target registered for service namespace: sagemaker"):
        driven.policy()
    driven.target()
    with pytest.raises(AwsError, match="TargetValue"):
        driven.policy(target=0.0)
    with pytest.raises(AwsError, match="The local cloud has no metric ALBRequestCountPerTarget"):
        driven.policy(PredefinedMetricSpecification={"PredefinedMetricType": "ALBRequestCountPerTarget"})
    with pytest.raises(AwsError, match="Schedule expression is not valid"):
        driven.call(
            "PutScheduledAction",
            **VARIANT,
            ScheduledActionName="a",
            Schedule="cron(0 9 * * *)",
            ScalableTargetAction={"MinCapacity": 1},
        )
    gaps = [{"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 5.0, "ScalingAdjustment": 1}]
    with pytest.raises(AwsError, match="unspecified upper bound"):
        driven.call(
            "PutScalingPolicy",
            **VARIANT,
            PolicyName="s",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": gaps},
        )


def test_burstable_and_serverless_variants_are_not_scaled(driven: Driven) -> None:
    [variant] = driven.endpoint.plan.variants
    for instance_type, message in {"ml.t2.medium": "burstable performance", "": "is serverless"}.items():
        variant.instance_type = instance_type
        with pytest.raises(AwsError, match=message):
            driven.target()


def test_the_caller_needs_the_permissions_that_scaling_uses(driven: Driven) -> None:
    nobody = service_principal("nobody")
    driven.caller = nobody
    with pytest.raises(AwsError, match="sagemaker:DescribeEndpoint, sagemaker:UpdateEndpointWeights"):
        driven.target()
    driven.caller = OPERATOR
    driven.target()
    driven.caller = nobody
    with pytest.raises(
        AwsError, match=r"cloudwatch:PutMetricAlarm on resource: .*TargetTracking-endpoint/e/"
    ):
        driven.policy()
    assert not driven.call("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]


def test_lists_come_in_pages(driven: Driven) -> None:
    driven.target()
    for number in range(3):
        driven.call(
            "PutScheduledAction",
            **VARIANT,
            ScheduledActionName=f"a{number}",
            Schedule="rate(1 day)",
            ScalableTargetAction={"MinCapacity": 1},
        )
    first = driven.call("DescribeScheduledActions", ServiceNamespace="sagemaker", MaxResults=2)
    rest = driven.call(
        "DescribeScheduledActions", ServiceNamespace="sagemaker", MaxResults=2, NextToken=first["NextToken"]
    )
    names = [each["ScheduledActionName"] for page in (first, rest) for each in page["ScheduledActions"]]
    assert names == ["a0", "a1", "a2"]
    assert "NextToken" not in rest
    with pytest.raises(AwsError, match="next token is not valid"):
        driven.call("DescribeScheduledActions", ServiceNamespace="sagemaker", NextToken="x")


def test_deregistering_takes_policies_alarms_and_actions_along(driven: Driven) -> None:
    driven.target()
    driven.policy()
    driven.call(
        "PutScheduledAction",
        **VARIANT,
        ScheduledActionName="hourly",
        Schedule="rate(1 hour)",
        ScalableTargetAction={"MinCapacity": 5},
    )
    driven.call("DeregisterScalableTarget", **VARIANT)
    for operation in ("DescribeScalableTargets", "DescribeScalingPolicies", "DescribeScheduledActions"):
        [listed] = driven.call(operation, ServiceNamespace="sagemaker").values()
        assert listed == []
    assert not driven.call("DescribeAlarms", "cloudwatch")["MetricAlarms"]
    driven.clock.advance(2 * 3600)
    assert driven.endpoint.count == 1
    with pytest.raises(AwsError, match="No scalable target registered"):
        driven.call("DeregisterScalableTarget", **VARIANT)


def test_a_restart_keeps_targets_policies_cooldowns_and_schedules(driven: Driven, tmp_path: Path) -> None:
    driven.target()
    driven.policy()
    driven.call(
        "PutScheduledAction",
        **VARIANT,
        ScheduledActionName="hourly",
        Schedule="rate(1 hour)",
        ScalableTargetAction={"MinCapacity": 5},
    )
    driven.minutes(*[200.0] * 3)
    driven.clock.advance(1)
    scaling = driven.cloud.store(Scaling)
    scaling_without_lock = {**vars(scaling), "lock": None}
    targets, activities = pickle.loads(
        pickle.dumps((scaling_without_lock["targets"], scaling_without_lock["activities"]))
    )
    restarted = Driven(Cloud(tmp_path / "again", 4510, Clock(0)), driven.endpoint.count)
    kept = restarted.cloud.store(Scaling)
    kept.targets, kept.activities = targets, activities
    keep_scaling(restarted.cloud)
    [target] = kept.targets.values()
    assert target.memory.until == scaling.targets[target.key].memory.until
    assert restarted.call("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [each["StatusCode"] for each in restarted.activities()] == ["Successful"]
    restarted.clock.advance(2 * 3600)
    assert restarted.endpoint.count == 5
    restarted.cloud.shutdown()


def test_targets_of_other_services_are_kept_and_shown(driven: Driven) -> None:
    table = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/t",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    driven.call("RegisterScalableTarget", **table, MinCapacity=1, MaxCapacity=2)
    [target] = driven.call("DescribeScalableTargets", ServiceNamespace="dynamodb")["ScalableTargets"]
    assert target["MaxCapacity"] == 2
    with pytest.raises(AwsError, match="The local cloud does not scale lambda:function:Other"):
        driven.call(
            "RegisterScalableTarget",
            ServiceNamespace="lambda",
            ResourceId="function:f:live",
            ScalableDimension="lambda:function:Other",
            MinCapacity=1,
            MaxCapacity=2,
        )
