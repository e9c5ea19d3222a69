"""Schedules: AWS's cron, rates, single times, and time zones; each case with its source."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from _pytest.mark import ParameterSet

from kennel.capacity.scaling.schedules import ScheduleError, parse

GUIDE = "https://docs.aws.amazon.com/autoscaling/application/userguide/"
EXAMPLES = f"{GUIDE}scheduled-scaling-using-cron-expressions.html"
REFERENCE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html"
ZONES = f"{GUIDE}create-scheduled-actions.html"
# Application Auto Scaling does not say what happens when clocks change: these are EventBridge Scheduler's.
CLOCKS = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time"


PROJECT = "docs/decisions/scaling-algorithm.md"  # a rule that AWS does not publish


def case(what: str, source: str, *values: object) -> ParameterSet:
    """Return one row of a table; the source is shown where it fails."""
    return pytest.param(*values, source, id=what)


def at(text: str) -> float:
    """Return a time in UTC as seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def runs(expression: str, zone: str | None, begin: str, count: int) -> list[str]:
    """Return the first runs after a time, in UTC."""
    schedule, moment, times = parse(expression, zone), at(begin), []
    while len(times) < count:
        following = schedule.next_after(moment, created=at(begin))
        if following is None:
            break
        moment = following
        times.append(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M"))
    return times


@pytest.mark.parametrize(
    ("expression", "zone", "begin", "expected", "source"),
    [
        case(
            "every day",
            EXAMPLES,
            "cron(0 10 * * ? *)",
            None,
            "2026-11-27 10:00",
            ["2026-11-28 10:00", "2026-11-29 10:00"],
        ),
        case("12:15", EXAMPLES, "cron(15 12 * * ? *)", None, "2026-11-27 12:00", ["2026-11-27 12:15"]),
        case(
            "MON-FRI",
            EXAMPLES,
            "cron(0 18 ? * MON-FRI *)",
            None,
            "2026-11-27 12:00",
            ["2026-11-27 18:00", "2026-11-30 18:00"],
        ),
        case(
            "first day",
            EXAMPLES,
            "cron(0 8 1 * ? *)",
            None,
            "2026-11-27 12:00",
            ["2026-12-01 08:00", "2027-01-01 08:00"],
        ),
        case(
            "0/15",
            EXAMPLES,
            "cron(0/15 * * * ? *)",
            None,
            "2026-11-27 23:40",
            ["2026-11-27 23:45", "2026-11-28 00:00", "2026-11-28 00:15"],
        ),
        case(
            "8-17",
            EXAMPLES,
            "cron(0/5 8-17 ? * MON-FRI *)",
            None,
            "2026-11-27 17:50",
            ["2026-11-27 17:55", "2026-11-30 08:00"],
        ),
        case("MON", EXAMPLES, "cron(30 6 ? * MON *)", None, "2026-11-27 12:00", ["2026-11-30 06:30"]),
        case("seconds", EXAMPLES, "cron(0 30 6 ? * MON *)", None, "2026-11-27 12:00", ["2026-11-30 06:30"]),
        case(
            "1/10, MON is 2",
            REFERENCE,
            "cron(1/10 4 ? * 2 *)",
            None,
            "2026-11-27 12:00",
            ["2026-11-30 04:01", "2026-11-30 04:11"],
        ),
        case(
            "L",
            REFERENCE,
            "cron(0 0 L * ? *)",
            None,
            "2028-02-01 00:00",
            ["2028-02-29 00:00", "2028-03-31 00:00"],
        ),
        case(
            "3W",
            REFERENCE,
            "cron(0 0 3W * ? *)",
            None,
            "2026-10-01 00:00",
            ["2026-10-02 00:00", "2026-11-03 00:00"],
        ),
        case(
            "1W stays in the month",
            REFERENCE,
            "cron(0 0 1W * ? *)",
            None,
            "2026-08-01 00:00",
            ["2026-08-03 00:00"],
        ),
        case(
            "second Tuesday",
            REFERENCE,
            "cron(0 0 ? * 3#2 *)",
            None,
            "2026-11-01 00:00",
            ["2026-11-10 00:00", "2026-12-08 00:00"],
        ),
        case(
            "6L",
            REFERENCE,
            "cron(15 10 ? * 6L *)",
            None,
            "2026-11-01 00:00",
            ["2026-11-27 10:15", "2026-12-25 10:15"],
        ),
        case("L is Saturday", REFERENCE, "cron(0 0 ? * L *)", None, "2026-11-27 00:00", ["2026-11-28 00:00"]),
        case(
            "JAN,FEB,MAR",
            REFERENCE,
            "cron(0 0 1 JAN,FEB,MAR ? *)",
            None,
            "2026-11-27 00:00",
            ["2027-01-01 00:00", "2027-02-01 00:00", "2027-03-01 00:00", "2028-01-01 00:00"],
        ),
        case("years", REFERENCE, "cron(0 0 1 1 ? 2026-2027)", None, "2026-11-27 00:00", ["2027-01-01 00:00"]),
        case(
            "FRI-MON goes round the week",
            PROJECT,
            "cron(0 0 ? * FRI-MON *)",
            None,
            "2026-11-26 12:00",
            [
                "2026-11-27 00:00",
                "2026-11-28 00:00",
                "2026-11-29 00:00",
                "2026-11-30 00:00",
                "2026-12-04 00:00",
            ],
        ),
        case(
            "Etc/GMT+9",
            ZONES,
            "cron(0 18 ? * MON-FRI *)",
            "Etc/GMT+9",
            "2026-11-27 12:00",
            ["2026-11-28 03:00", "2026-12-01 03:00"],
        ),
        case(
            "local time is kept",
            ZONES,
            "cron(0 9 * * ? *)",
            "America/New_York",
            "2026-10-31 12:00",
            ["2026-10-31 13:00", "2026-11-01 14:00"],
        ),
        case(
            "left out where clocks go forward",
            CLOCKS,
            "cron(30 2 * * ? *)",
            "Europe/Berlin",
            "2026-03-27 12:00",
            ["2026-03-28 01:30", "2026-03-30 00:30"],
        ),
        case(
            "once where they go back",
            CLOCKS,
            "cron(30 2 * * ? *)",
            "Europe/Berlin",
            "2026-10-24 12:00",
            ["2026-10-25 00:30", "2026-10-26 01:30"],
        ),
        case(
            "at",
            ZONES,
            "at(2021-01-31T17:00:00)",
            "America/New_York",
            "2021-01-01 00:00",
            ["2021-01-31 22:00"],
        ),
        case("one digit", ZONES, "at(2020-12-08T9:36:00)", None, "2020-01-01 00:00", ["2020-12-08 09:36"]),
        case(
            "rate", ZONES, "rate(5 hours)", None, "2026-11-27 12:10", ["2026-11-27 17:10", "2026-11-27 22:10"]
        ),
        case("rate of a day", ZONES, "rate(1 day)", None, "2026-11-27 12:10", ["2026-11-28 12:10"]),
    ],
)
def test_runs(expression: str, zone: str | None, begin: str, expected: list[str], source: str) -> None:
    assert runs(expression, zone, begin, len(expected)) == expected, source


def test_a_start_time_is_a_run_and_the_end_is_the_last() -> None:
    """rate(5 hours) from 2021-01-30 12:00 to 2021-01-31 22:00, the example of AWS."""
    schedule = parse("rate(5 hours)")
    start, end, moment = at("2021-01-30 12:00"), at("2021-01-31 22:00"), at("2021-01-29 00:00")
    times = []
    while (following := schedule.next_after(moment, moment, start, end)) is not None:
        times.append(following)
        moment = following
    assert times == [start + 5 * 3600 * number for number in range(7)]


def test_a_cron_runs_at_its_start_time_too() -> None:
    """AWS "performs the action at this time, and then [...] based on the specified recurrence"."""
    schedule, start = parse("cron(0 10 * * ? *)"), at("2026-11-27 11:11")
    assert schedule.next_after(0, 0, start) == start
    assert schedule.next_after(start, 0, start) == at("2026-11-28 10:00")


def test_a_time_that_has_passed_and_a_date_that_never_comes_run_no_more() -> None:
    assert parse("at(2021-01-31T17:00:00)").next_after(at("2021-01-31 17:00"), 0) is None
    assert parse("cron(0 0 31 2 ? *)").next_after(at("2026-11-27 00:00"), 0) is None


@pytest.mark.parametrize(
    "expression",
    [
        "0 10 * * ? *",
        "cron(0 10 * * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0/0 10 * * ? *)",
        "cron(0 10 * 13 ? *)",
        "cron(0 10 ? * MON#6 *)",
        "cron(0 10 * * ? 1969)",
        "cron(0 10 99W * ? *)",
        "rate(0 minutes)",
        "rate(5 weeks)",
        "at(2021-02-30T17:00:00)",
        "at(tomorrow)",
        "every(5 minutes)",
    ],
)
def test_expressions_that_aws_refuses(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse(expression)


def test_a_time_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ScheduleError, match="Mars/Olympus"):
        parse("rate(1 hour)", "Mars/Olympus")
