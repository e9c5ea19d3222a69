"""A cloud on a driven clock in this process, whose operations are called without the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kennel.localcloud.authorization.identify import OPERATOR
from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import handler_of
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime import alarm_actions
from kennel.localcloud.runtime.alarm_actions import StateChange
from kennel.localcloud.services import register
from kennel.localcloud.services.cloudwatch.evaluation import evaluate_alarms

MINUTE, HOUR = 60, 3600
OVER_THREE = {
    "Namespace": "Test",
    "MetricName": "load",
    "Statistic": "Average",
    "Period": MINUTE,
    "EvaluationPeriods": 1,
    "Threshold": 3.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
SCALING = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:x"


class Driven:
    """A cloud on a driven clock that shows a full hour."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.clock = cloud, cloud.clock
        self.actions: list[tuple[str, str, str, str, float]] = []
        self.clock.advance(HOUR - self.clock.time() % HOUR)
        self.begin = self.clock.time()
        evaluate_alarms(cloud)

    def call(self, operation: str, **parameters: Any) -> Any:
        handler = handler_of("cloudwatch", operation)
        assert handler is not None
        request = ApiRequest("cloudwatch", operation, OPERATOR, parameters)
        return handler(Call(request, self.cloud, moto=None, environ={}))  # type: ignore[arg-type] # not asked

    def alarm(self, name: str = "a", **settings: Any) -> None:
        given = {key: value for key, value in {**OVER_THREE, **settings}.items() if value is not None}
        self.call("PutMetricAlarm", AlarmName=name, **given)

    def put(self, value: float, name: str = "load", **more: Any) -> None:
        self.call(
            "PutMetricData", Namespace="Test", MetricData=[{"MetricName": name, "Value": value, **more}]
        )

    def minutes(self, *values: float | None) -> list[str]:
        """Put a value in each of so many minutes, and return the alarm's state after each."""
        states = []
        for value in values:
            if value is not None:
                self.put(value)
            self.clock.advance(MINUTE)
            states.append(self.state())
        return states

    def described(self, name: str = "a") -> dict[str, Any]:
        kinds = ["MetricAlarm", "CompositeAlarm"]
        answer = self.call("DescribeAlarms", AlarmNames=[name], AlarmTypes=kinds)
        [alarm] = answer["MetricAlarms"] + answer["CompositeAlarms"]
        return dict(alarm)

    def state(self, name: str = "a") -> str:
        return str(self.described(name)["StateValue"])

    def history(self, name: str = "a", kind: str = "StateUpdate") -> list[str]:
        items = self.call(
            "DescribeAlarmHistory",
            AlarmName=name,
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            HistoryItemType=kind,
            ScanBy="TimestampAscending",
        )
        return [item["HistorySummary"] for item in items["AlarmHistoryItems"]]


@pytest.fixture
def driven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    for name in ("MOTO_PORT", "MOTO_ACCOUNT_ID"):
        monkeypatch.setenv(name, "")
    register()
    cloud = Cloud(tmp_path, 4510, Clock(0))
    made = Driven(cloud)
    monkeypatch.setattr(alarm_actions, "_receivers", dict(alarm_actions._receivers))

    @alarm_actions.receives("test:")
    def act(_: Cloud, arn: str, alarm: dict[str, Any], change: StateChange) -> None:
        if arn.endswith("broken"):
            raise AwsError("Broken", "it is broken")
        made.actions.append((arn, alarm["AlarmName"], change.old, change.new, made.clock.time() - made.begin))

    monkeypatch.setitem(alarm_actions._receivers, SCALING, act)
    yield made
    cloud.shutdown()
