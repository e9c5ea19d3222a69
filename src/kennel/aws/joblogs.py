"""What jobs log while they run, as it comes."""

from __future__ import annotations

from collections.abc import Iterator

from kennel.aws import session


def streams(group: str, prefix: str) -> list[str]:
    """Return the names of the streams that begin with ``prefix``: one for each host of a job."""
    logs = session.client("logs")
    try:
        found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)
    except logs.exceptions.ResourceNotFoundException:
        return []  # the group appears with the first line
    return [one["logStreamName"] for one in found["logStreams"]]


def new_lines(group: str, prefix: str, tokens: dict[str, str]) -> Iterator[str]:
    """Yield what was logged since the last call in the streams that begin with ``prefix``.

    Parameters
    ----------
    tokens
        Remembers where each stream stood; begin with an empty one.
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
        return  # a stream can go while it is read
