"""CloudWatch's alarms, evaluated on a driven clock: states, missing data, actions, history.

The tables of missing data are AWS's:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import io
import json
import pickle
from typing import Any

import pytest

from kennel.localcloud.persistence.pickling import StatePickler, restoring
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.metrics.store import MetricStore
from kennel.localcloud.services.cloudwatch import evaluation
from kennel.localcloud.services.cloudwatch.alarm import Alarms
from kennel.localcloud.services.cloudwatch.evaluation import evaluate_due

from .driven_cloud import MINUTE, OVER_THREE, SCALING, Driven, driven

__all__ = ["driven"]  # a fixture


def test_a_new_alarm_has_no_state_until_the_first_period_ends(driven: Driven) -> None:
    driven.alarm()
    driven.put(5)
    driven.clock.advance(59.9)
    assert driven.state() == "INSUFFICIENT_DATA"
    assert driven.described()["StateReason"] == "Unchecked: Initial alarm creation"
    driven.clock.advance(0.1)
    assert driven.state() == "ALARM"


def test_a_period_that_ended_between_two_late_looks_is_evaluated(driven: Driven) -> None:
    driven.alarm()
    driven.put(5)
    evaluate_due(driven.cloud, driven.begin + 10, driven.begin + 50)
    assert driven.state() == "INSUFFICIENT_DATA"
    evaluate_due(driven.cloud, driven.begin + 50, driven.begin + 75)
    assert driven.state() == "ALARM"


def test_an_alarm_that_cannot_be_evaluated_does_not_keep_the_others_from_it(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven.alarm("broken")
    driven.alarm("other")
    whole = evaluation.evaluate

    def evaluate(cloud: Any, alarm: Any, now: float) -> None:
        if alarm.name == "broken":
            raise ArithmeticError
        whole(cloud, alarm, now)

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    driven.put(5)
    driven.clock.advance(MINUTE)
    assert (driven.state("broken"), driven.state("other")) == ("INSUFFICIENT_DATA", "ALARM")


def test_the_third_minute_over_the_threshold_and_not_before(driven: Driven) -> None:
    driven.alarm(EvaluationPeriods=3, Statistic="Sum")
    assert driven.minutes(1, 1, 1, 4, 4) == ["OK"] * 5
    driven.put(4)
    driven.clock.advance(59)
    assert driven.state() == "OK"
    driven.clock.advance(1)
    assert driven.state() == "ALARM"
    assert driven.described()["StateUpdatedTimestamp"].timestamp() == driven.begin + 6 * MINUTE
    assert driven.minutes(2) == ["OK"]  # one of three does not breach


# AWS's tables: 3 of 3, and 2 of 3. "-" is a minute without data, X one over the threshold
# "=" is the state before.
ROWS = [
    (3, "0 - X - X", "OK OK OK OK"),
    (3, "0 - - - -", "OK OK OK OK"),
    (3, "- - - - -", "INSUFFICIENT_DATA = ALARM OK"),
    (3, "0 X X - X", "ALARM ALARM ALARM ALARM"),
    (3, "- - X - -", "ALARM = ALARM OK"),
    (2, "0 - X - X", "ALARM ALARM ALARM ALARM"),
    (2, "0 0 X 0 X", "ALARM ALARM ALARM ALARM"),
    (2, "0 - X - -", "OK OK ALARM OK"),
    (2, "- - - - 0", "OK OK ALARM OK"),
    (2, "- - - X -", "ALARM = ALARM OK"),
]
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
CASES = [
    (needed, minutes, treatment, state)
    for needed, minutes, states in ROWS
    for treatment, state in zip(TREATMENTS, states.split(), strict=True)
]


@pytest.mark.parametrize(("needed", "minutes", "treatment", "expected"), CASES)
def test_missing_data(driven: Driven, needed: int, minutes: str, treatment: str, expected: str) -> None:
    for before in ("OK", "ALARM"):
        name = f"alarm-{before}"
        driven.alarm(name, EvaluationPeriods=3, DatapointsToAlarm=needed, TreatMissingData=treatment)
    for minute in minutes.split()[:-1]:
        if minute != "-":
            driven.put(9 if minute == "X" else 0)
        driven.clock.advance(MINUTE)
    if minutes.split()[-1] != "-":
        driven.put(9 if minutes.split()[-1] == "X" else 0)
    driven.clock.advance(MINUTE - 1)
    for before in ("OK", "ALARM"):
        alarm = driven.cloud.store(Alarms).by_name[f"alarm-{before}"]
        alarm.state, alarm.set_at = before, None
    driven.clock.advance(1)
    for before in ("OK", "ALARM"):
        assert driven.state(f"alarm-{before}") == (before if expected == "=" else expected), before


def test_a_metric_that_stops(driven: Driven) -> None:
    """A stopped metric: its last data are evaluated as long as they are in the evaluation range."""
    driven.alarm(TreatMissingData="notBreaching")
    assert driven.minutes(9, None, None, None) == ["ALARM", "ALARM", "ALARM", "OK"]


def test_an_average_of_all_values_of_the_minute_and_another_metric_does_not_count(driven: Driven) -> None:
    driven.alarm()
    driven.put(1)
    driven.put(9)
    driven.put(99, Dimensions=[{"Name": "of", "Value": "another"}])
    driven.put(99, name="other")
    driven.clock.advance(MINUTE)
    alarm = driven.described()
    assert alarm["StateValue"] == "ALARM"
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoint [5.0 (")
    data = json.loads(alarm["StateReasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["statistic"]) == ([5.0], 3.0, "Average")
    assert data["evaluatedDatapoints"][0]["sampleCount"] == 2


def test_a_period_of_five_minutes_moves_with_each_minute(driven: Driven) -> None:
    driven.alarm(Period=300, Statistic="Sum", TreatMissingData="notBreaching", EvaluationPeriods=1)
    assert driven.minutes(1, 1, 1, 1) == ["OK", "OK", "OK", "ALARM"]


def test_high_resolution_is_evaluated_every_ten_seconds(driven: Driven) -> None:
    driven.alarm(Period=10, EvaluationPeriods=3)
    for number in range(3):
        driven.put(9, StorageResolution=1)
        driven.clock.advance(9)
        assert driven.state() != "ALARM", number
        driven.clock.advance(1)
    assert driven.state() == "ALARM"
    driven.put(0, StorageResolution=1)
    driven.clock.advance(10)
    assert driven.state() == "OK"


def test_a_percentile(driven: Driven) -> None:
    driven.alarm(Statistic=None, ExtendedStatistic="p99", Threshold=500_000.0)
    driven.call(
        "PutMetricData",
        Namespace="Test",
        MetricData=[{"MetricName": "load", "Values": [100_000.0, 600_000.0], "Counts": [99.0, 1.0]}],
    )
    driven.clock.advance(MINUTE)
    assert driven.state() == "OK"
    driven.put(600_000)
    driven.put(100_000)
    driven.clock.advance(MINUTE)
    assert driven.state() == "ALARM"


def test_a_percentile_of_few_samples_is_ignored_on_demand(driven: Driven) -> None:
    """Fewer than 10 / (1 - 0.9) = 100 samples."""
    driven.alarm(Statistic=None, ExtendedStatistic="p90", EvaluateLowSampleCountPercentile="ignore")
    for count, state in ((99.0, "INSUFFICIENT_DATA"), (100.0, "ALARM")):
        driven.call(
            "PutMetricData",
            Namespace="Test",
            MetricData=[{"MetricName": "load", "Values": [9.0], "Counts": [count]}],
        )
        driven.clock.advance(MINUTE)
        assert driven.state() == state


def test_a_statistic_set_and_a_unit(driven: Driven) -> None:
    driven.alarm(Statistic="Maximum", Unit="Seconds")
    sets = {"SampleCount": 3.0, "Sum": 12.0, "Minimum": 1.0, "Maximum": 9.0}
    data = [
        {"MetricName": "load", "StatisticValues": sets, "Unit": "Seconds"},
        {"MetricName": "load", "Value": 1.0},
    ]
    driven.call("PutMetricData", Namespace="Test", MetricData=data)
    driven.clock.advance(MINUTE)
    assert driven.state() == "ALARM"


def math_alarm(expression: str) -> dict[str, Any]:
    def metric(name: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": "Test", "MetricName": name}, "Period": MINUTE, "Stat": "Sum"}
        return {"Id": name, "MetricStat": stat, "ReturnData": False}

    queries = [metric("errors"), metric("calls"), {"Id": "e", "Expression": expression, "ReturnData": True}]
    return {**dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period")), "Metrics": queries}


def test_metric_math(driven: Driven) -> None:
    driven.alarm(
        **math_alarm("100 * FILL(errors, 0) / calls"), EvaluationPeriods=2, TreatMissingData="notBreaching"
    )
    states = []
    for errors, calls in ((None, 100), (4, 100), (4, 100), (1, 100)):
        driven.put(calls, "calls")
        if errors:
            driven.put(errors, "errors")
        driven.clock.advance(MINUTE)
        states.append(driven.state())
    assert states == ["OK", "OK", "ALARM", "OK"]


def test_actions_of_each_state_once(driven: Driven) -> None:
    driven.alarm(
        AlarmActions=["test:alarm", "test:too"], OKActions=["test:ok"], InsufficientDataActions=["test:none"]
    )
    driven.minutes(9, 9, 1, 1, None, None, None)
    assert driven.actions == [
        ("test:alarm", "a", "INSUFFICIENT_DATA", "ALARM", 60),
        ("test:too", "a", "INSUFFICIENT_DATA", "ALARM", 60),
        ("test:ok", "a", "ALARM", "OK", 180),
        ("test:none", "a", "OK", "INSUFFICIENT_DATA", 420),
    ]
    assert driven.history() == [
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to INSUFFICIENT_DATA",
    ]
    assert driven.history(kind="Action")[0] == "Successfully executed action test:alarm"
    assert driven.history(kind="ConfigurationUpdate") == ['Alarm "a" created']


def test_an_action_of_auto_scaling_is_repeated_each_minute(driven: Driven) -> None:
    driven.alarm(AlarmActions=[SCALING])
    driven.minutes(9, 9, 9, 1)
    assert [(old, new, at) for _, _, old, new, at in driven.actions] == [
        ("INSUFFICIENT_DATA", "ALARM", 60),
        ("ALARM", "ALARM", 120),
        ("ALARM", "ALARM", 180),
    ]


def test_what_an_action_cannot_do_is_in_the_history_and_the_others_go_on(driven: Driven) -> None:
    driven.alarm(AlarmActions=["test:broken", "arn:aws:automate:us-east-1:ec2:stop", "test:alarm"])
    driven.minutes(9)
    assert [action[0] for action in driven.actions] == ["test:alarm"]
    assert driven.history(kind="Action") == [
        'Failed to execute action test:broken. Received error: "it is broken"',
        "Failed to execute action arn:aws:automate:us-east-1:ec2:stop. Received error: "
        '"The local cloud does not act on this."',
        "Successfully executed action test:alarm",
    ]


def test_actions_can_be_disabled(driven: Driven) -> None:
    driven.alarm(AlarmActions=["test:alarm"], OKActions=["test:ok"])
    driven.call("DisableAlarmActions", AlarmNames=["a"])
    assert driven.minutes(9) == ["ALARM"]
    assert (driven.actions, driven.described()["ActionsEnabled"]) == ([], False)
    driven.call("EnableAlarmActions", AlarmNames=["a"])
    driven.minutes(1)
    assert [action[0] for action in driven.actions] == ["test:ok"]


def test_a_state_set_by_hand_acts_and_lasts_until_the_next_evaluation(driven: Driven) -> None:
    driven.alarm(AlarmActions=["test:alarm"], OKActions=["test:ok"])
    driven.minutes(1)
    driven.clock.advance(50)
    driven.call(
        "SetAlarmState", AlarmName="a", StateValue="ALARM", StateReason="a test", StateReasonData='{"a":1}'
    )
    assert (driven.state(), driven.described()["StateReason"]) == ("ALARM", "a test")
    driven.put(1)
    driven.clock.advance(10)
    assert driven.state() == "ALARM"  # it stays for one interval, so that it can be seen
    driven.put(1)
    driven.clock.advance(MINUTE)
    assert driven.state() == "OK"
    assert [action[0] for action in driven.actions][-2:] == ["test:alarm", "test:ok"]


@pytest.mark.parametrize(
    ("meanwhile", "settings", "left"),
    [
        ("SetAlarmState", {"AlarmName": "a", "StateValue": "ALARM", "StateReason": "a test"}, "ALARM"),
        ("PutMetricAlarm", {**OVER_THREE, "AlarmName": "a", "Threshold": 0.5}, "INSUFFICIENT_DATA"),
        ("DeleteAlarms", {"AlarmNames": ["a"]}, None),
    ],
)
def test_what_changes_an_alarm_while_it_is_evaluated_counts(
    driven: Driven,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: str,
    settings: dict[str, Any],
    left: str | None,
) -> None:
    driven.alarm(OKActions=["test:ok"])
    driven.put(1)
    driven.clock.advance(MINUTE - 1)
    datapoints = evaluation._datapoints

    def interrupted(*arguments: Any) -> evaluation.Datapoints:
        read = datapoints(*arguments)
        driven.call(meanwhile, **settings)
        return read

    with monkeypatch.context() as patched:
        patched.setattr(evaluation, "_datapoints", interrupted)
        driven.clock.advance(1)
    assert driven.actions == []
    if left is None:
        assert driven.call("DescribeAlarms")["MetricAlarms"] == []
    else:
        assert driven.state() == left
        assert driven.minutes(1, 1)[-1] == {"SetAlarmState": "OK", "PutMetricAlarm": "ALARM"}[meanwhile]


def test_a_changed_alarm_keeps_its_state(driven: Driven) -> None:
    driven.alarm()
    driven.minutes(9)
    driven.alarm(Threshold=10.0, AlarmDescription="new")
    assert (driven.state(), driven.described()["AlarmDescription"]) == ("ALARM", "new")
    assert driven.minutes(9) == ["OK"]
    assert driven.history(kind="ConfigurationUpdate") == ['Alarm "a" created', 'Alarm "a" updated']


def test_composite_alarms_follow_their_children_and_each_other(driven: Driven) -> None:
    driven.alarm("a")
    driven.alarm("b", MetricName="other")
    driven.call(
        "PutCompositeAlarm", AlarmName="both", AlarmRule="ALARM(a) AND ALARM(b)", AlarmActions=["test:both"]
    )
    driven.call("PutCompositeAlarm", AlarmName="top", AlarmRule="NOT OK(both)", OKActions=["test:top"])
    assert (driven.state("both"), driven.state("top")) == ("OK", "OK")
    driven.put(9)
    driven.clock.advance(MINUTE)
    assert (driven.state("both"), driven.state("top")) == ("OK", "OK")
    driven.put(9)
    driven.put(9, "other")
    driven.clock.advance(MINUTE)
    assert (driven.state("both"), driven.state("top")) == ("ALARM", "ALARM")
    driven.put(9)
    driven.put(1, "other")
    driven.clock.advance(MINUTE)
    assert (driven.state("both"), driven.state("top")) == ("OK", "OK")
    assert [(arn, at) for arn, *_, at in driven.actions] == [
        ("test:top", 0),
        ("test:both", 120),
        ("test:top", 180),
    ]
    related = driven.call("DescribeAlarms", ChildrenOfAlarmName="both")
    assert [alarm["AlarmName"] for alarm in related["MetricAlarms"]] == ["a", "b"]
    related = driven.call("DescribeAlarms", ParentsOfAlarmName="both")
    assert [alarm["AlarmName"] for alarm in related["CompositeAlarms"]] == ["top"]


def test_a_cycle_of_composite_alarms_is_not_evaluated_and_not_deleted(driven: Driven) -> None:
    """As AWS documents it: to get out, the rule of one is changed to FALSE."""
    driven.alarm("a")
    driven.call("PutCompositeAlarm", AlarmName="x", AlarmRule="ALARM(a)")
    driven.call("PutCompositeAlarm", AlarmName="y", AlarmRule="ALARM(x)")
    driven.call("PutCompositeAlarm", AlarmName="x", AlarmRule="ALARM(a) OR ALARM(y)")
    driven.minutes(9)
    assert (driven.state("x"), driven.state("y")) == ("OK", "OK")
    with pytest.raises(
        AwsError, match="Cannot delete x because there are primary composite alarms depending on it"
    ):
        driven.call("DeleteAlarms", AlarmNames=["x", "y"])
    driven.call("PutCompositeAlarm", AlarmName="x", AlarmRule="FALSE")
    driven.call("DeleteAlarms", AlarmNames=["x", "y", "a"])
    assert (
        driven.call("DescribeAlarms", AlarmTypes=["MetricAlarm", "CompositeAlarm"])["CompositeAlarms"] == []
    )


def test_a_child_stays_as_long_as_a_composite_alarm_needs_it(driven: Driven) -> None:
    driven.alarm("a")
    driven.call("PutCompositeAlarm", AlarmName="x", AlarmRule="ALARM(a)")
    with pytest.raises(AwsError, match="Cannot delete a because"):
        driven.call("DeleteAlarms", AlarmNames=["a"])
    with pytest.raises(AwsError, match=r"alarms \[b\] in the alarm rule do not exist"):
        driven.call("PutCompositeAlarm", AlarmName="z", AlarmRule="ALARM(b)")


def suppressed(driven: Driven, events: str) -> list[tuple[str, float]]:
    """Let an alarm (A) and its suppressor (S) go into ALARM, and OK again (a, s), one every ten seconds.

    Returns what the alarm did, and after how many seconds. It waits for 25 s, and extends by 35 s.
    """
    for name in ("cause", "suppressor"):
        driven.alarm(name, TreatMissingData="ignore")  # without data: their states stay as they are set
    driven.call(
        "PutCompositeAlarm",
        AlarmName="top",
        AlarmRule="ALARM(cause)",
        AlarmActions=["test:alarm"],
        OKActions=["test:ok"],
        ActionsSuppressor="suppressor",
        ActionsSuppressorWaitPeriod=25,
        ActionsSuppressorExtensionPeriod=35,
    )
    driven.actions.clear()
    begin = driven.clock.time()
    for event in events:
        if event != "-":
            name, state = (
                {"A": "cause", "S": "suppressor"}[event.upper()],
                "ALARM" if event.isupper() else "OK",
            )
            driven.call("SetAlarmState", AlarmName=name, StateValue=state, StateReason="a test")
        driven.clock.advance(10)
    return [(action, at + driven.begin - begin) for action, *_, at in driven.actions]


@pytest.mark.parametrize(
    ("events", "acted"),
    [
        ("A----", [("test:alarm", 25)]),  # nothing suppresses it: it acts after the wait
        ("A-S-----", []),
        ("A-a---", []),  # taken back during the wait
        ("SA-----", []),
        ("A-S-s-----", [("test:alarm", 75)]),  # it acts after the extension
        ("A-S-s-S---", []),  # suppressed again during the extension
        ("A-S-s-a----", []),
        ("A-S-a-s----", []),  # both happened while it was suppressed
        ("A----a---", [("test:alarm", 25), ("test:ok", 50)]),
        ("A---Sa-s-----", [("test:alarm", 25), ("test:ok", 105)]),
    ],
)
def test_a_suppressor(driven: Driven, events: str, acted: list[tuple[str, float]]) -> None:
    assert suppressed(driven, events) == acted


def test_a_deleted_composite_alarm_acts_no_more(driven: Driven) -> None:
    suppressed(driven, "A")
    assert driven.described("top")["ActionsSuppressedBy"] == "WaitPeriod"
    driven.call("DeleteAlarms", AlarmNames=["top"])
    driven.clock.advance(10 * MINUTE)
    assert driven.actions == []


def test_why_a_composite_alarm_does_not_act_is_described(driven: Driven) -> None:
    suppressed(driven, "A")
    assert driven.described("top")["ActionsSuppressedBy"] == "WaitPeriod"
    driven.call("SetAlarmState", AlarmName="suppressor", StateValue="ALARM", StateReason="a test")
    assert driven.described("top")["ActionsSuppressedBy"] == "Alarm"
    driven.call("SetAlarmState", AlarmName="suppressor", StateValue="OK", StateReason="a test")
    assert driven.described("top")["ActionsSuppressedBy"] == "ExtensionPeriod"
    driven.clock.advance(40)
    assert "ActionsSuppressedBy" not in driven.described("top")


@pytest.mark.parametrize(
    "suppression",
    [
        {"ActionsSuppressor": "a"},
        {"ActionsSuppressorWaitPeriod": 1},
        {"ActionsSuppressor": "b", "ActionsSuppressorWaitPeriod": 1, "ActionsSuppressorExtensionPeriod": 1},
    ],
)
def test_a_suppressor_exists_and_has_periods(driven: Driven, suppression: dict[str, Any]) -> None:
    driven.alarm("a")
    with pytest.raises(AwsError, match=r"ActionsSuppressor|suppress actions does not exist"):
        driven.call("PutCompositeAlarm", AlarmName="top", AlarmRule="ALARM(a)", **suppression)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Period": 45}, "Period must be 10, 20, 30 or a multiple of 60"),
        ({"EvaluationPeriods": 1441}, "Metrics cannot be checked across more than a day"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm"),
        ({"ExtendedStatistic": "p99"}, "Must specify either Statistic or ExtendedStatistic"),
        ({"Statistic": None}, "Must specify either Statistic or ExtendedStatistic"),
        ({"Statistic": "p99"}, "Statistic"),
        ({"Statistic": None, "ExtendedStatistic": "p101"}, "p101"),
        ({"TreatMissingData": "none"}, "TreatMissingData"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "does not evaluate the ComparisonOperator"),
        ({"ThresholdMetricId": "e"}, "does not evaluate alarms with ThresholdMetricId"),
        ({"Threshold": None}, "Threshold"),
        ({"MetricName": None}, "Either MetricName or Metrics"),
        ({**math_alarm("errors / missing")}, "Undefined variable 'missing'"),
        ({**math_alarm("SUM(errors)")}, "returns a number"),
        ({**math_alarm("SEARCH('x', 'Sum')")}, "does not evaluate SEARCH"),
        ({**math_alarm("errors"), "Period": 60}, "mutually exclusive"),
    ],
)
def test_settings_that_are_refused(driven: Driven, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError, match=words):
        driven.alarm(**settings)


def test_a_snapshot_keeps_metrics_and_alarms(driven: Driven) -> None:
    driven.alarm(EvaluationPeriods=2)
    driven.call("PutCompositeAlarm", AlarmName="top", AlarmRule="NOT OK(a)")
    driven.minutes(1, 9)
    snapshot = io.BytesIO()
    StatePickler(snapshot, set()).dump([driven.cloud.store(kind) for kind in (Alarms, MetricStore)])
    with restoring(driven.cloud):
        driven.cloud.restore_stores(pickle.loads(snapshot.getvalue()))
    assert driven.minutes(9) == ["ALARM"]
    assert driven.state("top") == "ALARM"
    assert driven.history()[-1] == "Alarm updated from OK to ALARM"
