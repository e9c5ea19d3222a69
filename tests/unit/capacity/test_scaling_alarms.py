"""CloudWatch's evaluation of alarms, by the tables of its documentation."""

from __future__ import annotations

import pytest

from kennel.capacity.scaling.alarms import ALARM, INSUFFICIENT_DATA, OK, AlarmRule, next_state

MISSING_DATA = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"
# The page in 2018 has these rows; today's says of them that the alarm "does not go immediately into ALARM".
OLDER = (
    "https://github.com/awsdocs/amazon-cloudwatch-user-guide/blob/05fd32f/doc_source/AlarmThatSendsEmail.md"
)
PREMATURE = f"{MISSING_DATA}#CloudWatch-alarms-avoiding-premature-transition"
RETAINED = "retain current state"

# Datapoints with the latest on the right (0 within the threshold, X breaching, - missing); M of 3; the states
# for missing, ignore, breaching, notBreaching; the source.
TABLE = [
    ("0 - X - X", 3, (OK, OK, OK, OK), MISSING_DATA),
    ("0 - - - -", 3, (OK, OK, OK, OK), MISSING_DATA),
    ("- - - - -", 3, (INSUFFICIENT_DATA, RETAINED, ALARM, OK), MISSING_DATA),
    ("0 X X - X", 3, (ALARM, ALARM, ALARM, ALARM), MISSING_DATA),
    ("- - X - -", 3, (ALARM, RETAINED, ALARM, OK), MISSING_DATA),
    ("- - - - X", 3, (INSUFFICIENT_DATA, RETAINED, ALARM, OK), OLDER),
    ("- - - X -", 3, (INSUFFICIENT_DATA, RETAINED, ALARM, OK), PREMATURE),
    ("X - - - -", 3, (ALARM, RETAINED, ALARM, OK), OLDER),
    ("- - - X 0", 3, (OK, OK, OK, OK), PREMATURE),
    ("- - X - 0", 3, (OK, OK, OK, OK), PREMATURE),
    ("0 - X - X", 2, (ALARM, ALARM, ALARM, ALARM), MISSING_DATA),
    ("0 0 X 0 X", 2, (ALARM, ALARM, ALARM, ALARM), MISSING_DATA),
    ("0 - X - -", 2, (OK, OK, ALARM, OK), MISSING_DATA),
    ("- - - - 0", 2, (OK, OK, ALARM, OK), MISSING_DATA),
    ("- - - X -", 2, (ALARM, RETAINED, ALARM, OK), MISSING_DATA),
    ("- - - - X", 2, (INSUFFICIENT_DATA, RETAINED, ALARM, OK), OLDER),
]
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
VALUES = {"0": 1.0, "X": 9.0, "-": None}


@pytest.mark.parametrize(
    ("text", "needed", "treatment", "expected", "source"),
    [
        pytest.param(text, needed, treatment, state, source, id=f"{text} {needed} of 3 {treatment}")
        for text, needed, states, source in TABLE
        for treatment, state in zip(TREATMENTS, states, strict=True)
    ],
)
@pytest.mark.parametrize("before", [OK, ALARM, INSUFFICIENT_DATA])
def test_states_are_those_of_the_documentation(
    text: str, needed: int, treatment: str, expected: str, source: str, before: str
) -> None:
    rule = AlarmRule("GreaterThanThreshold", 5.0, 60, 3, needed, treatment)
    state, reason = next_state(rule, before, [VALUES[mark] for mark in text.split()])
    assert state == (before if expected == RETAINED else expected), source
    assert reason


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [6.0]),
        ("GreaterThanOrEqualToThreshold", [5.0, 6.0]),
        ("LessThanThreshold", [4.0]),
        ("LessThanOrEqualToThreshold", [4.0, 5.0]),
    ],
)
def test_a_value_at_the_threshold_breaches_only_with_or_equal(
    comparison: str, breaching: list[float]
) -> None:
    rule = AlarmRule(comparison, 5.0, 60, 1)
    assert [value for value in (4.0, 5.0, 6.0) if next_state(rule, OK, [value])[0] == ALARM] == breaching


def test_only_the_latest_datapoints_count() -> None:
    rule = AlarmRule("GreaterThanThreshold", 5.0, 60, 3)
    assert next_state(rule, OK, [9.0, 9.0, 9.0, 1.0, 9.0, 9.0])[0] == OK
    assert next_state(rule, OK, [1.0, 1.0, 1.0, 9.0, 9.0, 9.0])[0] == ALARM


NEWEST = 1_764_241_200.0  # 2025-11-27 11:00:00 UTC


@pytest.mark.parametrize(
    ("missing", "before", "datapoints", "reason"),
    [
        (
            "missing",
            OK,
            [7.0, 8.0, 9.5],
            "Threshold Crossed: 3 out of the last 3 datapoints [9.5 (27/11/25 11:00:00), "
            "8.0 (27/11/25 10:59:00), "
            "7.0 (27/11/25 10:58:00)] were greater than the threshold (5.0) "
            "(minimum 3 datapoints for OK -> ALARM transition).",
        ),
        (
            "missing",
            ALARM,
            [7.0, 8.0, 2.0],
            "Threshold Crossed: 1 out of the last 3 datapoints [2.0 (27/11/25 11:00:00)] was not greater "
            "than the threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        ("missing", OK, [], "Insufficient Data: 3 datapoints were unknown."),
        (
            "notBreaching",
            ALARM,
            [],
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were "
            "treated as [NonBreaching].",
        ),
    ],
)
def test_reasons_are_in_the_words_of_cloudwatch(
    missing: str, before: str, datapoints: list[float | None], reason: str
) -> None:
    rule = AlarmRule("GreaterThanThreshold", 5.0, 60, 3, missing=missing)
    assert next_state(rule, before, datapoints, NEWEST)[1] == reason
