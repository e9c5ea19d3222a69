"""The last lines that a job, an endpoint or the function has logged, and those that follow."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.aws import session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.platforms import workbench
from kennel.aws.training import hosts, jobs

SERVING = {"endpoint": "endpoint", "function": "function", "proof": "proof_endpoint"}  # names in the outputs
# Where SageMaker writes what the jobs of a type log; a stack says it for its training jobs.
PROCESSING_GROUP = "/aws/sagemaker/ProcessingJobs"
NEWEST_STREAMS = 10  # of the endpoint and the function, which begin a new one for each instance
POLL_SECONDS = 2.0
# SageMaker appends the time to the name of a host's stream.
_STREAM_TIME = re.compile(r"-\d{10}$")


@dataclass(frozen=True)
class Source:
    """Where something logs.

    Parameters
    ----------
    group, prefix
        The log group, and how the names of its streams there begin.
    ended
        Returns whether nothing more will be logged; None if that never ends by itself.
    """

    group: str
    prefix: str = ""
    ended: Callable[[], bool] | None = None


@dataclass(frozen=True, order=True)
class Line:
    """One logged line, with the stream that it is in."""

    milliseconds: int
    stream: str = field(compare=False)
    message: str = field(compare=False)

    @property
    def time(self) -> str:
        """When it was logged, in UTC: ``2026-11-27 10:30:00``."""
        return f"{datetime.fromtimestamp(self.milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"

    @property
    def text(self) -> str:
        """The message without what could move a terminal's cursor or change its colours."""
        kept = (
            character if character.isprintable() or character == "\t" else " " for character in self.message
        )
        return "".join(kept).rstrip()


def source_of(stack: Stack, name: str) -> Source:
    """Return where a job, ``endpoint``, ``function``, or the endpoint of a ``proof`` logs.

    Raises
    ------
    StackError
        There is no such job.
    """
    if name in SERVING:
        return Source(stack[SERVING[name]]["log_group"])
    if record := hosts.record_of(stack, name):
        return Source(workbench(stack, "training_host")["log_group"], f"{record['command']}/", lambda: True)
    type_, _ = jobs.find(stack, name)
    group = PROCESSING_GROUP if type_ == "processing" else stack["training"]["log_group"]

    def ended() -> bool:
        described = jobs.describe_as(type_, name)
        return described is None or jobs.summary(type_, described).ended

    return Source(group, f"{name}-" if type_ == "tuning" else f"{name}/", ended)


class Reader:
    """Reads what a source logs: first its last lines, then those that have come since.

    Parameters
    ----------
    source
        What is read.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._positions: dict[
            str, str
        ] = {}  # CloudWatch's token for what comes after the lines read, by stream

    def last(self, count: int) -> list[Line]:
        """Return the last lines of all streams together, the oldest first; 0: all there are."""
        lines = [line for stream in self._streams() for line in self._end_of(stream, count)]
        lines.sort()  # by time; lines of the same time stay in their streams' order
        return lines[-count:] if count else lines

    def follow(self, wait: Callable[[float], None] = time.sleep) -> Iterator[Line]:
        """Yield lines as they are logged, until the source has ended."""
        ended = False
        while True:
            # Asked before the lines are read: what was logged before the end is then among them.
            ended_before, ended = ended, self.source.ended is not None and self.source.ended()
            yield from sorted(line for stream in self._streams() for line in self._since(stream))
            if (
                ended_before
            ):  # CloudWatch shows a line some time after it was logged, so the end is read twice
                return
            wait(POLL_SECONDS)

    def label(self, line: Line) -> str:
        """Return which host of a job a line comes from, and for a tuning job which trial."""
        return (
            _STREAM_TIME.sub("", line.stream.removeprefix(self.source.prefix)) if self.source.prefix else ""
        )

    def _streams(self) -> list[str]:
        """Return the names of the streams: a job's, or the newest of what serves."""
        logs = session.client("logs")
        chosen: dict[str, Any] = {"logGroupName": self.source.group}
        if self.source.prefix:
            chosen["logStreamNamePrefix"] = self.source.prefix
        else:
            chosen |= {"orderBy": "LastEventTime", "descending": True}
        names: list[str] = []
        try:
            for page in logs.get_paginator("describe_log_streams").paginate(**chosen):
                names += [stream["logStreamName"] for stream in page["logStreams"]]
                if not self.source.prefix and len(names) >= NEWEST_STREAMS:
                    return names[:NEWEST_STREAMS]
        except logs.exceptions.ResourceNotFoundException:
            return []  # the group is created with the first line
        return names

    def _end_of(self, stream: str, count: int) -> list[Line]:
        if not count:
            return list(self._since(stream))
        page = self._page(stream, startFromHead=False, limit=min(count, 10_000))
        self._positions[stream] = page["nextForwardToken"]
        return [_line(stream, event) for event in page["events"]]

    def _since(self, stream: str) -> Iterator[Line]:
        while True:
            position = self._positions.get(stream)
            page = self._page(stream, startFromHead=True, **({"nextToken": position} if position else {}))
            self._positions[stream] = page["nextForwardToken"]
            yield from (_line(stream, event) for event in page["events"])
            # CloudWatch repeats the token at the end; a page before it may be empty.
            if page["nextForwardToken"] == position:
                return

    def _page(self, stream: str, **options: Any) -> dict[str, Any]:
        page: dict[str, Any] = session.client("logs").get_log_events(
            logGroupName=self.source.group, logStreamName=stream, **options
        )
        return page


def _line(stream: str, event: dict[str, Any]) -> Line:
    return Line(event["timestamp"], stream, event["message"])
