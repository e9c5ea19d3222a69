"""A sandbox's log: Lambda's own lines in both formats, and the end of the log that a response carries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kennel.localcloud.clock import Clock
from kennel.localcloud.services.lambda_.function_log import TAIL_BYTES, FunctionLog
from kennel.localcloud.services.lambda_.function_version import FunctionVersion


class CloudWatchLogs:
    """A role's session whose CloudWatch Logs keeps what it receives."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.clock = Clock()
        self.exceptions = self
        self.ResourceNotFoundException = KeyError

    def client(self, service: str) -> CloudWatchLogs:
        assert service == "logs"
        return self

    def put_log_events(self, logEvents: list[dict[str, Any]], **_: str) -> None:  # noqa: N803 - boto3's name
        self.messages += [event["message"] for event in logEvents]


def log_of(cloudwatch: CloudWatchLogs, log_format: str = "Text") -> FunctionLog:
    version = FunctionVersion(
        name="f",
        version="7",
        arn="arn",
        role="role",
        handler="app.handler",
        runtime="python3.11",
        timeout=3.0,
        memory=128,
        code_sha256="digest",
        log_group="/aws/lambda/f",
        log_format=log_format,
    )
    return FunctionLog(cloudwatch, version, "stream")  # type: ignore[arg-type] # what it uses of a session


def test_an_invocation_is_reported_in_text() -> None:
    cloudwatch = CloudWatchLogs()
    log = log_of(cloudwatch)
    log.start("id-1")
    log.write("hello")
    log.report("id-1", 0.0123, 0.25, 60)
    log.close()
    assert cloudwatch.messages == [
        "START RequestId: id-1 Version: 7",
        "hello",
        "END RequestId: id-1",
        "REPORT RequestId: id-1\tDuration: 12.30 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 60 MB\tInit Duration: 250.00 ms\t",
    ]
    assert log.tail().decode().splitlines() == cloudwatch.messages


def test_an_invocation_is_reported_in_json() -> None:
    cloudwatch = CloudWatchLogs()
    log = log_of(cloudwatch, "JSON")
    log.start("id-1")
    log.report("id-1", 0.0123, None, 60)
    log.close()
    start, report = (json.loads(message) for message in cloudwatch.messages)
    assert start["type"] == "platform.start"
    assert start["record"] == {"requestId": "id-1", "version": "7"}
    assert report["type"] == "platform.report"
    assert report["record"]["metrics"] == {
        "durationMs": 12.3,
        "billedDurationMs": 13,
        "memorySizeMB": 128,
        "maxMemoryUsedMB": 60,
    }


def test_a_message_of_several_lines_is_one_event() -> None:
    cloudwatch = CloudWatchLogs()
    log = log_of(cloudwatch)
    log.write("Traceback\rline 1")
    log.close()
    assert cloudwatch.messages == ["Traceback\nline 1"]


@pytest.mark.parametrize("lines", [10, 1000])
def test_the_tail_is_the_end_of_this_invocations_log(lines: int) -> None:
    log = log_of(CloudWatchLogs())
    log.write("of the invocation before")
    log.begin_tail()
    for number in range(lines):
        log.write(f"line {number}")
    written = "".join(f"line {number}\n" for number in range(lines)).encode()
    assert log.tail() == written[-TAIL_BYTES:]
    log.close()
