"""What `local.top` shows, from answers as AWS gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kennel.aws import live_figures, session

NOW = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)
VALUES = {  # by metric and statistic: of the minute that is over, and of the one that has begun
    ("Invocations", "Sum"): (120.0, 7.0),
    ("Invocation5XXErrors", "Sum"): (0.0, 0.0),
    ("ConcurrentRequestsPerModel", "Sum"): (3.0, 9.0),
    ("ModelLatency", "p50"): (48_000.0, 1.0),
    ("ModelLatency", "p95"): (95_500.0, 1.0),
    ("Throttles", "Sum"): (2.0, 0.0),
}


class Client:
    """Answers the operations that are asked for, a page each."""

    def get_paginator(self, operation: str) -> Any:
        class Paginator:
            paginate = staticmethod(lambda **parameters: [getattr(self, operation)(**parameters)])

        return Paginator()

    def list_endpoints(self, **_: Any) -> Any:
        return {"Endpoints": [{"EndpointName": "kennel-dev-classifier"}]}

    def describe_endpoint(self, **_: Any) -> Any:
        variant = {"VariantName": "AllTraffic", "CurrentInstanceCount": 1, "DesiredInstanceCount": 3}
        pending = {"ProductionVariants": [{"VariantStatus": [{"Status": "Baking"}]}]}
        return {
            "EndpointStatus": "Updating",
            "ProductionVariants": [variant],
            "PendingDeploymentSummary": pending,
        }

    def list_functions(self) -> Any:
        return {"Functions": [{"FunctionName": "kennel-dev-predict", "State": "Active"}]}

    def get_metric_data(self, **parameters: Any) -> Any:
        results = []
        for query in parameters["MetricDataQueries"]:
            wanted = query["MetricStat"]
            over, present = VALUES.get((wanted["Metric"]["MetricName"], wanted["Stat"]), (None, None))
            begun = NOW.replace(second=30 if wanted["Period"] == 10 else 0)
            times = [] if over is None else [begun, begun - timedelta(seconds=wanted["Period"])]
            results.append({"Id": query["Id"], "Timestamps": times, "Values": [present, over][: len(times)]})
        return {"MetricDataResults": results}

    def describe_alarms(self, **_: Any) -> Any:
        names = {"a-fine": "OK", "b-broken": "ALARM", "c-silent": "INSUFFICIENT_DATA"}
        alarms = [
            {"AlarmName": name, "StateValue": state, "StateUpdatedTimestamp": NOW}
            for name, state in names.items()
        ]
        return {"MetricAlarms": alarms, "CompositeAlarms": []}

    def describe_scaling_activities(self, **parameters: Any) -> Any:
        if parameters["ServiceNamespace"] == "lambda":
            return {"ScalingActivities": []}
        activity = {
            "ResourceId": "endpoint/kennel-dev-classifier/variant/AllTraffic",
            "Description": "Setting desired instance count to 3.",
            "StatusCode": "InProgress",
            "Cause": "an alarm",
        }
        times = [NOW - timedelta(minutes=minutes) for minutes in (9, 1, 5)]
        return {"ScalingActivities": [{**activity, "StartTime": at} for at in times]}


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> live_figures.State:
    monkeypatch.setattr(session, "client", lambda name: Client())
    return live_figures.read(NOW)


def test_figures_are_of_the_newest_period_that_is_over(state: live_figures.State) -> None:
    endpoint, function = state.serving

    assert (endpoint.status, endpoint.instances, endpoint.desired) == ("Updating, Baking", 1, 3)
    assert endpoint.figures == {"requests": 120, "errors": 0, "in_flight": 3, "p50_ms": 48, "p95_ms": 95.5}
    assert (function.instances, function.figures["throttles"]) == (None, 2)
    assert function.figures["p50_ms"] is None, "it has published no duration"


def test_alarms_that_went_off_come_first_and_activities_newest_first(state: live_figures.State) -> None:
    assert [alarm["name"] for alarm in state.alarms] == ["b-broken", "c-silent", "a-fine"]
    assert [activity["at"].minute for activity in state.activities] == [59, 55, 51]
    assert state.as_dict()["at"] == "2026-11-27T12:00:30+00:00"


def test_it_is_drawn_for_a_terminal(state: live_figures.State) -> None:
    from kennel import terminal
    from kennel.commands import top

    with terminal.recording(width=110) as console:
        terminal.result_console().print(top._drawn(state))
        shown = console.export_text()

    (endpoint,) = (line for line in shown.splitlines() if line.startswith("kennel-dev-classifier"))
    assert endpoint.split()[1:] == ["Updating,", "Baking", "1", "→", "3", "120", "0", "3", "48", "95.5"]
    assert shown.index("b-broken") < shown.index("a-fine")
    assert "Setting desired instance count to 3." in shown
