"""Logs Insights' queries, on events like those of the user guide's examples."""

from __future__ import annotations

import json

import pytest

from kennel.localcloud.services.logs.insights import fields_of, run
from kennel.localcloud.services.logs.insights_expressions import QueryError, Row
from kennel.localcloud.services.logs.insights_syntax import parse
from kennel.localcloud.services.logs.insights_values import Moment

BEGIN = 1_767_225_600_000  # 2026-01-01
MESSAGES = [
    json.dumps({"level": "INFO", "ms": 12, "user": {"id": "ann"}, "tags": ["a", "b"]}),
    json.dumps({"level": "ERROR", "ms": 250, "user": {"id": "bob"}}),
    "user=carl, action=login took 7",
    json.dumps({"level": "ERROR", "ms": 30.5, "user": {"id": "ann"}}),
    "REPORT RequestId: 8f5-1\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 40 MB\t",
]


def rows() -> list[Row]:
    return [
        fields_of(message)
        | {"@timestamp": Moment(BEGIN + number * 60_000), "@message": message, "@ptr": str(number)}
        for number, message in enumerate(MESSAGES)
    ]


def ask(query: str) -> list[dict[str, str]]:
    _, results = run(parse(query), rows())
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in results]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fields ms | filter level = 'ERROR' | sort ms desc", [{"ms": "250"}, {"ms": "30.5"}]),
        ("fields user.id, tags.1 as tag | filter ispresent(tags.0)", [{"user.id": "ann", "tag": "b"}]),
        ("fields @timestamp | limit 1", [{"@timestamp": "2026-01-01 00:04:00.000"}]),
        ("filter @message like /action=(login|out)/ | fields 1 + 2 * 3 as x | display x", [{"x": "7"}]),
        ("fields ms | filter @message not like 'user' and @message like 'REPORT'", [{}]),
        (
            "filter level in ['INFO', 'WARN'] or ms > 200 | display level | sort ms",
            [{"level": "INFO"}, {"level": "ERROR"}],
        ),
        ("stats count(*)", [{"count(*)": "5"}]),
        (
            "filter ms > 0 | stats count(*) as n, avg(ms), max(ms), pct(ms, 50) as p by level | sort n",
            [
                {"level": "INFO", "n": "1", "avg(ms)": "12", "max(ms)": "12", "p": "12"},
                {"level": "ERROR", "n": "2", "avg(ms)": "140.25", "max(ms)": "250", "p": "30.5"},
            ],
        ),
        (
            "stats count(*) as n by bin(2m) | sort n desc | limit 2",
            [
                {"bin(2m)": "2026-01-01 00:00:00.000", "n": "2"},
                {"bin(2m)": "2026-01-01 00:02:00.000", "n": "2"},
            ],
        ),
        ("stats count_distinct(user.id) as users, latest(level) as last", [{"users": "2", "last": "ERROR"}]),
        ("stats sum(@duration), max(@memorySize) / 1 as m", None),
        (
            "filter @type = 'REPORT' | stats max(@maxMemoryUsed) as m, sum(@billedDuration) as b",
            [{"m": "40000000", "b": "13"}],
        ),
        (
            "parse @message 'user=*, action=* ' as who, what | filter what = 'login' | display who",
            [{"who": "carl"}],
        ),
        (r"parse @message /took (?<seconds>\d+)/ | filter seconds > 6 | display seconds", [{"seconds": "7"}]),
        ("dedup level | fields level | sort level", [{"level": "ERROR"}, {"level": "INFO"}]),
        (
            "# a comment\nfields toupper(level) as l | filter strlen(user.id) = 3 | limit 1",
            [{"l": "ERROR"}],
        ),
    ],
)
def test_a_query_returns_what_it_asks_for(query: str, expected: list[dict[str, str]] | None) -> None:
    if expected is None:
        with pytest.raises(QueryError):
            ask(query)
    else:
        assert ask(query) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("pattern @message", "no command 'pattern'"),
        ("fields isIpv4InSubnet(a, 'b')", "no function isIpv4InSubnet"),
        ("filter level =", "unexpected symbol found 'the end'"),
        ("stats ms by level", "expected one of the aggregates avg"),
        ("limit many", "expected a number"),
        ("parse @message 'a=*' as b, c", "1 wildcards and 2 names"),
        ("filter @message like /(/", "regular expression"),
        ("fields a | | limit 1", "no command '| limit 1'"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(query: str, message: str) -> None:
    with pytest.raises(QueryError) as refused:
        ask(query)
    assert message in str(refused.value)
