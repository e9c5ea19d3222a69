"""CloudWatch's evaluation of a metric alarm: the states, M out of N, and missing datapoints.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
MISSING, IGNORE, BREACHING, NOT_BREACHING = "missing", "ignore", "breaching", "notBreaching"

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_WORDS = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
_TREATED = {BREACHING: "Breaching", NOT_BREACHING: "NonBreaching"}
# An alarm on Auto Scaling invokes its action again for as long as it stays in ALARM: "once per minute"
# (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html).
ACTION_SECONDS = 60.0
# How many datapoints beyond its periods an alarm retrieves. AWS's tables have 5 for 3 periods; "the exact
# number depends on the length of the alarm period" and the resolution, and is not published.
EXTRA_PERIODS = 2


@dataclass(frozen=True)
class AlarmRule:
    """When an alarm on one series of datapoints changes its state.

    Attributes
    ----------
    comparison
        CloudWatch's ComparisonOperator, a key of `COMPARISONS`.
    threshold
        What a datapoint is compared with, in the metric's unit.
    period
        Seconds of one datapoint.
    evaluation_periods, datapoints_to_alarm
        N and M of "M out of N"; M is N by default.
    missing
        How missing datapoints are treated: missing, ignore, breaching or notBreaching.
    """

    comparison: str
    threshold: float
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int | None = None
    missing: str = MISSING

    @property
    def needed(self) -> int:
        """How many datapoints must breach."""
        return self.datapoints_to_alarm or self.evaluation_periods

    @property
    def range_periods(self) -> int:
        """How many of the latest datapoints an evaluation looks at: the evaluation range."""
        return self.evaluation_periods + EXTRA_PERIODS

    def breaches(self, value: float) -> bool:
        """Whether a datapoint is on the wrong side of the threshold."""
        return COMPARISONS[self.comparison](value, self.threshold)


def next_state(
    rule: AlarmRule, state: str, datapoints: Sequence[float | None], newest: float | None = None
) -> tuple[str, str]:
    """Evaluate an alarm once.

    Parameters
    ----------
    rule
        The alarm.
    state
        Its state so far.
    datapoints
        One value a period, the oldest first, the period that ended last at the end; None where there was no
        data. Only the last ``rule.range_periods`` count; where there are fewer, older ones are missing.
    newest
        When the last period began, seconds since the epoch: the reason then names the datapoints' times.

    Returns
    -------
    The new state, and the reason in CloudWatch's words.
    """
    recent = datapoints[-rule.range_periods :]
    ages = {len(recent) - index: value for index, value in enumerate(recent) if value is not None}
    real = dict(list(ages.items())[-rule.evaluation_periods :])  # by age in periods, 1 is the latest
    filled = rule.evaluation_periods - len(real)
    new = _state(rule, state, real, filled)
    return new, _reason(rule, state, new, real, filled, newest)


def _state(rule: AlarmRule, state: str, real: dict[int, float], filled: int) -> str:
    breaching = [age for age, value in real.items() if rule.breaches(value)]
    if rule.missing == BREACHING:
        return ALARM if len(breaching) + filled >= rule.needed else OK
    if len(breaching) >= rule.needed:
        return ALARM
    if not filled or rule.missing == NOT_BREACHING or len(breaching) < len(real):
        return OK  # enough data, or one datapoint at least says that all is well
    if rule.missing == IGNORE:
        return state
    # Only missing and breaching datapoints, fewer than needed. An alarm that waited for as many periods as it
    # needs datapoints waits no longer ("premature alarm state"); before that there is too little data.
    return ALARM if breaching and max(breaching) >= rule.needed else INSUFFICIENT_DATA


def _reason(
    rule: AlarmRule, old: str, new: str, real: dict[int, float], filled: int, newest: float | None
) -> str:
    if new == INSUFFICIENT_DATA or (rule.missing not in _TREATED and not real):
        return f"Insufficient Data: {_count(filled)} {'was' if filled == 1 else 'were'} unknown."
    treated = ""
    if filled and rule.missing in _TREATED:
        verb = "was" if filled == 1 else "were"
        treated = f"{_count(filled, 'missing ')} {verb} treated as [{_TREATED[rule.missing]}]"
        if not real:
            periods = f"{filled} period{'s' if filled > 1 else ''}"
            return f"Threshold Crossed: no datapoints were received for {periods} and {treated}."
    shown = {age: value for age, value in real.items() if rule.breaches(value) == (new == ALARM)} or real
    values = ", ".join(_datapoint(rule, age, value, newest) for age, value in sorted(shown.items()))
    verb = "was" if len(shown) == 1 else "were"
    verb += "" if new == ALARM else " not"
    needed = rule.needed if new == ALARM else rule.evaluation_periods - rule.needed + 1
    change = "" if old == new else f" (minimum {_count(needed)} for {old} -> {new} transition)"
    return (
        f"Threshold Crossed: {len(shown)} out of the last {_count(rule.evaluation_periods)} [{values}] "
        f"{verb} {_WORDS[rule.comparison]} the threshold ({rule.threshold})"
        f"{' and ' + treated if treated else ''}{change}."
    )


def _count(number: int, kind: str = "") -> str:
    return f"{number} {kind}datapoint{'' if number == 1 else 's'}"


def _datapoint(rule: AlarmRule, age: int, value: float, newest: float | None) -> str:
    if newest is None:
        return str(float(value))
    begin = datetime.fromtimestamp(newest - (age - 1) * rule.period, UTC)
    return f"{float(value)} ({begin:%d/%m/%y %H:%M:%S})"
