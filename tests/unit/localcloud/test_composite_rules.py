"""The rule language of composite alarms, in AWS's examples and beyond.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import pytest

from kennel.localcloud.services.cloudwatch.rules import RuleError, parse

STATES = {
    "cpu": "ALARM",
    "disk": "OK",
    "new": "INSUFFICIENT_DATA",
    "a name (1)": "ALARM",
    "team:x/y-1.2": "ALARM",
}
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("TRUE", True),
        ("FALSE", False),
        ("ALARM(cpu)", True),
        ("ALARM(disk)", False),
        ("OK(disk)", True),
        ("INSUFFICIENT_DATA(new)", True),
        ("ALARM(absent)", False),
        ("NOT ALARM(cpu)", False),
        ("NOT NOT ALARM(cpu)", True),
        ("ALARM(cpu) AND ALARM(disk)", False),
        ("ALARM(cpu) OR ALARM(disk)", True),
        ("ALARM(cpu) AND NOT ALARM(disk)", True),  # AWS's example
        ("(ALARM(cpu) OR ALARM(disk)) AND OK(new)", False),  # AWS's example
        ("OK(cpu) AND OK(cpu) OR ALARM(cpu)", True),  # AND binds tighter
        ("ALARM(cpu) OR OK(cpu) AND OK(cpu)", True),
        ("NOT OK(cpu) AND OK(disk)", True),  # NOT binds tightest
        ("NOT (OK(cpu) OR OK(disk))", False),
        ("alarm(cpu) and not ok(cpu)", True),
        ("  ALARM ( cpu )  ", True),
        ('ALARM("a name (1)")', True),
        ('ALARM("cpu") AND OK("disk")', True),
        (f"ALARM({ARN}cpu)", True),
        (f'ALARM("{ARN}a name (1)")', True),
        ("ALARM(team:x/y-1.2)", True),
        ("AT_LEAST(1, ALARM, (cpu, disk, new))", True),
        ("AT_LEAST(2, ALARM, (cpu, disk, new))", False),
        ("AT_LEAST(2, NOT ALARM, (cpu, disk, new))", True),
        ("AT_LEAST(50%, ALARM, (cpu, disk))", True),
        ("AT_LEAST(51%, ALARM, (cpu, disk))", False),
        ("AT_LEAST(1, OK, (disk)) AND TRUE", True),
    ],
)
def test_a_rule(rule: str, holds: bool) -> None:
    assert parse(rule).holds(STATES.get) is holds


def test_the_alarms_of_a_rule() -> None:
    rule = parse(f"(ALARM(cpu) OR NOT OK({ARN}disk)) AND AT_LEAST(1, ALARM, (new, cpu)) AND TRUE")
    assert rule.alarms() == {"cpu", "disk", "new"}


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "()",
        "ALARM()",
        "ALARM(cpu",
        "ALARM(cpu))",
        "ALARM(cpu) ALARM(disk)",
        "ALARM(cpu) AND",
        "AND ALARM(cpu)",
        "cpu",
        "ALARMED(cpu)",
        "ALARM(cpu disk)",
        "NOT",
        'ALARM("cpu)',
        "AT_LEAST(0, ALARM, (cpu))",
        "AT_LEAST(1, ALARM, ())",
        "AT_LEAST(1, cpu)",
        "TRUE" + " OR TRUE" * 2000,
        " OR ".join(f"ALARM(a{number})" for number in range(101)),
    ],
)
def test_what_is_no_rule(rule: str) -> None:
    with pytest.raises(RuleError, match="Error in AlarmRule"):
        parse(rule)


def test_an_error_names_the_place() -> None:
    with pytest.raises(RuleError, match=r"Error in AlarmRule \[Unsupported token '\)' at char 1\]"):
        parse("()")
