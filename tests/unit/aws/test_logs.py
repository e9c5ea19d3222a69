"""Logs: the last lines of all streams by time, what comes after them, and when following ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import boto3
import pytest

from kennel.aws import StackError
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import logs
from kennel.aws.training.logs import Reader, Source

GROUP = "/aws/sagemaker/TrainingJobs"
NOW = int(time.time() * 1000) - 60_000  # milliseconds: CloudWatch refuses what is old or in the future


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """The stack of all tests of this folder, with its log groups."""
    groups = {"training": GROUP, "training_host": "/hosts", "function": "/function", "endpoint": "/endpoint"}
    groups["proof_endpoint"] = "/proof"
    return Stack(
        stack.outputs | {name: {"log_group": group} for name, group in groups.items()} | {"roles": {"a": "r"}}
    )


def log(stream: str, *messages: str, at: int = 0, group: str = GROUP) -> None:
    client = boto3.client("logs")
    for create, names in (
        (client.create_log_group, {"logGroupName": group}),
        (client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
    ):
        with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
            create(**names)
    events = [{"timestamp": NOW + (at + i) * 1000, "message": message} for i, message in enumerate(messages)]
    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def texts(lines: list[logs.Line] | Iterator[logs.Line]) -> list[str]:
    return [line.text for line in lines]


@pytest.mark.usefixtures("stack")
def test_the_last_lines_of_all_hosts_are_in_the_order_of_their_times() -> None:
    log("job/algo-1-1800000000", "one", "three", at=0)
    log("job/algo-2-1800000000", "two", at=0)
    log("job-2/algo-1-1800000000", "another job's")
    reader = Reader(Source(GROUP, "job/"))

    assert texts(reader.last(0)) == ["one", "two", "three"]
    last = Reader(Source(GROUP, "job/")).last(2)
    assert [(reader.label(line), line.text) for line in last] == [("algo-2", "two"), ("algo-1", "three")]


@pytest.mark.usefixtures("stack")
def test_following_shows_new_lines_and_new_hosts_and_ends_with_the_job() -> None:
    log("job/algo-1-1800000000", "old", "older", at=-9)
    states = iter([False, False, True, True])
    reader = Reader(Source(GROUP, "job/", lambda: next(states)))
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            log("job/algo-1-1800000000", "new", at=1)
            log("job/algo-2-1800000000", "another host", at=2)
        elif len(waits) == 3:
            log("job/algo-1-1800000000", "logged at the end", at=3)

    assert texts(reader.last(1)) == ["older"]
    assert texts(reader.follow(wait)) == ["new", "another host", "logged at the end"]


@pytest.mark.usefixtures("stack")
def test_what_has_not_logged_yet_has_no_lines() -> None:
    assert Reader(Source("/nowhere", "job/")).last(5) == []


@pytest.mark.usefixtures("stack")
def test_control_characters_do_not_reach_the_terminal() -> None:
    log("job/algo-1", "50%\r\x1b[2Jdone\ttwo\n")

    assert texts(Reader(Source(GROUP, "job/")).last(1)) == ["50%  [2Jdone\ttwo"]


def test_the_function_and_the_endpoint_have_groups_of_their_own(stack: Stack) -> None:
    log("2026/11/27/[1]abc", "START", group="/function")
    source = logs.source_of(stack, "function")

    assert (source.group, source.ended) == ("/function", None)
    assert texts(Reader(source).last(9)) == ["START"]
    assert logs.source_of(stack, "endpoint").group == "/endpoint"
    assert logs.source_of(stack, "proof").group == "/proof"


def test_an_unknown_job_is_named(stack: Stack) -> None:
    with pytest.raises(StackError, match="there is no job nobody"):
        logs.source_of(stack, "nobody")


def test_a_training_on_the_host_logs_under_its_command(stack: Stack) -> None:
    record = b'{"command": "c-1", "job": "kennel-local-ec2-1"}'
    boto3.client("s3").put_object(
        Bucket="artifacts", Key="training/kennel-local-ec2-1/record.json", Body=record
    )

    source = logs.source_of(stack, "kennel-local-ec2-1")

    assert (source.group, source.prefix) == ("/hosts", "c-1/")
