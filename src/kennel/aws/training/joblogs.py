"""Reads the logs of running jobs."""

from __future__ import annotations

from collections.abc import Iterator

from kennel.aws import session


def streams(group: str, prefix: str) -> list[str]:
    """Return the names of the streams that begin with ``prefix``: one for each host of a job."""
    logs = session.client("logs")
    try:
        response = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)
    except logs.exceptions.ResourceNotFoundException:
        return []  # the group is created with the first line
    return [stream["logStreamName"] for stream in response["logStreams"]]


def new_lines(group: str, prefix: str, tokens: dict[str, str]) -> Iterator[str]:
    """Yield the lines logged since the last call in the streams that begin with ``prefix``.

    Parameters
    ----------
    tokens
        Position in each stream; begin with an empty dictionary, which this function updates.
    """
    logs = session.client("logs")
    try:
        for stream in streams(group, prefix):
            while True:
                since = {"nextToken": tokens[stream]} if stream in tokens else {}
                page = logs.get_log_events(
                    logGroupName=group, logStreamName=stream, startFromHead=True, **since
                )
                yield from (event["message"] for event in page["events"])
                at_the_end = page["nextForwardToken"] == tokens.get(stream) or not page["events"]
                tokens[stream] = page["nextForwardToken"]
                if at_the_end:
                    break
    except logs.exceptions.ResourceNotFoundException:
        return  # a stream can be deleted while it is read
