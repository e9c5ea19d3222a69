"""What jobs log while they run, as it comes."""

from __future__ import annotations

from collections.abc import Iterator

from kennel.aws import session


def new_lines(group: str, prefix: str, tokens: dict[str, str]) -> Iterator[str]:
    """Yield what was logged since the last call in the streams that begin with ``prefix``.

    Parameters
    ----------
    tokens
        Remembers where each stream stood; begin with an empty one.
    """
    logs = session.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        for stream in (one["logStreamName"] for one in streams):
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
        return  # the group or stream appears with the first line
