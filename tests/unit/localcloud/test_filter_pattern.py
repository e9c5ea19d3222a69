"""Filter patterns of CloudWatch Logs, in AWS's examples and beyond.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json

import pytest

from kennel.localcloud.services.logs.comparison import PatternError
from kennel.localcloud.services.logs.filter_pattern import parse, selected

# AWS's example of a JSON log event.
EVENT = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "cluster.name": "c",
    "level": "ERROR",
    "latency": 12.5,
    "count": 1e3,
    "ok": False,
    "user": {"id": 1, "email": "John.Stiles@example.com"},
}
APACHE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ('{ $.eventType = "Other" }', False),
        ('{ $.level = "ERROR" }', True),
        ('{$.level="error"}', False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ("{ $.sourceIPAddress = 111.* }", True),
        ('{ $.eventType = "*Trail" }', True),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[2] = "value" }', False),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.SomeOtherObject IS NULL }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.level NOT EXISTS }", False),
        ("{ $.ok IS FALSE }", True),
        ("{ $.ok IS TRUE }", False),
        ("{ $.latency > 12 }", True),
        ("{ $.latency >= 12.5 && $.latency <= 12.5 }", True),
        ("{ $.latency < 12.5 }", False),
        ("{ $.count = 1000 }", True),
        ("{ $.latency = 12.50 }", True),
        ('{ ($.user.id = 1) && ($.level = "ERROR") }', True),
        ('{ $.user.email = "John.*" || $.coordinates[0][1] = "nowhere" }', True),
        ('{ ($.user.id = 2 && $.level = "ERROR") || $.latency > 100 }', False),
        ('{ $.user.id = 2 && ($.level = "ERROR" || $.latency > 100) }', False),
        ("{ $.user.email = %.+@example\\.com% }", True),
        ("{ $.user.email != %^John% }", False),
        ("{ $.['cluster.name'] = \"c\" }", True),
        ('{ $.missing = "x" }', False),
        ('{ $.missing != "x" }', False),  # what is absent compares with nothing
    ],
)
def test_a_pattern_for_json(pattern: str, matches: bool) -> None:
    assert (parse(pattern).match(json.dumps(EVENT)) is not None) is matches


@pytest.mark.parametrize("message", ["ERROR", '["level"]', '{"level": "ERROR"', ""])
def test_what_is_no_json_object_matches_no_pattern_for_it(message: str) -> None:
    assert parse('{ $.level = "ERROR" }').match(message) is None


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("ERROR", "[error 400]", False),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", True),
        ("ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", False),
        ("?ERROR ?ARGUMENTS", "[ERROR 400] BAD REQUEST", True),
        ("?ERROR ?WARN", "INFO", False),
        ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", True),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", False),
        ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", True),
        ('"INTERNAL SERVER ERROR"', "INTERNAL ERROR SERVER", False),
        ('"Task timed out" -retry', "Task timed out after 3.00 seconds", True),
        ("%ERROR [45]\\d\\d%", "[ERROR 500] INTERNAL", True),
        ("%ERROR [45]\\d\\d%", "[ERROR 200]", False),
        ("-DEBUG", "INFO", True),
    ],
)
def test_a_pattern_of_terms(pattern: str, message: str, matches: bool) -> None:
    assert (parse(pattern).match(message) is not None) is matches


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("[ip, user, username, timestamp, request, status_code, bytes]", True),
        ("[ip, user, username]", False),
        ("[..., status_code = 4*, bytes]", True),
        ("[..., status_code = 5*, bytes]", False),
        ("[..., status_code, bytes > 1000]", True),
        ("[..., status_code, bytes > 2000]", False),
        ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, ...]", True),
        ("[ip, ..., status_code = 404 || status_code = 410, bytes]", True),
        ("[ip, ..., status_code = 4* && status_code != 403, bytes]", True),
        ("[ip = %127\\.0\\.0\\.[1-9]%, ...]", True),
        ('[..., request = "GET*", status_code, bytes]', True),
        ("[ip, user, username, timestamp, request, status_code, bytes, more]", False),
    ],
)
def test_a_space_delimited_pattern(pattern: str, matches: bool) -> None:
    assert (parse(pattern).match(APACHE) is not None) is matches


def test_selectors_read_what_matched() -> None:
    fields = parse("[ip, user, username, timestamp, request, status_code, bytes]").match(APACHE)
    assert fields is not None
    assert (selected(fields, "$bytes"), selected(fields, "$request")) == ("1534", "GET /index.html HTTP/1.0")
    document = parse("{ $.latency > 0 }").match(json.dumps(EVENT))
    assert document is not None
    assert (selected(document, "$.user.id"), selected(document, "$.nothing")) == (1, None)


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.level }",
        "{ $.level = }",
        '{ $.level = "ERROR" || }',
        '{ ($.level = "ERROR" }',
        "{ level = 1 }",
        "{ $.latency > many }",
        "{ $.a[*] = 1 }",
        "{ $.level = %(a)% }",
        "%[%",
        "[..., a, ...]",
        "[a b]",
        "[a = 1 && a = 2 || a = 3]",
        '"open',
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(PatternError):
        parse(pattern)
