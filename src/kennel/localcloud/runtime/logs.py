"""A workload's stream in CloudWatch Logs: written line by line, sent in batches with the workload's role."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.runtime.role_session import RoleSession, error_text

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH_EVENTS, BATCH_BYTES, EVENT_OVERHEAD = 10_000, 1_048_576, 26
LONGEST_LINE = 256 * 1024 - EVENT_OVERHEAD


class LogStream:
    """One CloudWatch Logs stream, fed from any thread and sent by one of its own.

    A role that may not write logs loses them, as on AWS; `failure` then says why.

    Parameters
    ----------
    session : RoleSession
        Whose rights are used.
    group, stream : str
        Where the lines go; both are created when they are missing and the role may.
    interval : float
        Seconds between batches.
    """

    def __init__(self, session: RoleSession, group: str, stream: str, interval: float = 1.0) -> None:
        self.group, self.stream, self.failure = group, stream, ""
        self._session, self._interval = session, interval
        self._events: list[tuple[int, str]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None  # started by the first line

    def write(self, *lines: str) -> None:
        """Queue lines; an empty one is skipped, since CloudWatch refuses it."""
        now = int(self._session.clock.time() * 1000)
        with self._changed:
            self._events.extend((now, line) for line in lines if line)
            if self._events and self._thread is None:
                self._thread = threading.Thread(
                    target=self._send_all, name=f"logs {self.stream}", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def close(self, timeout: float = 30.0) -> None:
        """Send what is queued, and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread:
            self._thread.join(timeout)

    def _send_all(self) -> None:
        while True:
            with self._changed:
                while not self._events and not self._closed:
                    self._changed.wait()
                if not self._events:
                    return
                # The first line is sent at once; those that follow it share the next batch.
                batch = self._take()
            self._send(batch)
            with self._changed:
                if not self._closed:
                    self._changed.wait_for(lambda: self._closed, self._interval)

    def _take(self) -> list[tuple[int, str]]:
        size = count = 0
        for _, line in self._events[:BATCH_EVENTS]:
            size += len(line.encode()) + EVENT_OVERHEAD
            if size > BATCH_BYTES:
                break
            count += 1
        batch, self._events = self._events[:count], self._events[count:]
        return batch

    def _send(self, batch: list[tuple[int, str]]) -> None:
        events = [{"timestamp": at, "message": line} for at, line in batch]
        try:
            client = self._session.client("logs")
            target = {"logGroupName": self.group, "logStreamName": self.stream}
            try:
                client.put_log_events(**target, logEvents=events)
            except client.exceptions.ResourceNotFoundException:
                self._create(client)
                client.put_log_events(**target, logEvents=events)
        except (ClientError, ServiceException, BotoCoreError, OSError) as error:
            # ServiceException: the role cannot be assumed; the last two: the service is shutting down.
            self.failure = error_text(error)

    def _create(self, client: Any) -> None:
        for _ in range(2):
            try:
                client.create_log_stream(logGroupName=self.group, logStreamName=self.stream)
            except client.exceptions.ResourceAlreadyExistsException:
                return
            except client.exceptions.ResourceNotFoundException:
                try:
                    client.create_log_group(logGroupName=self.group)
                except client.exceptions.ResourceAlreadyExistsException:
                    continue  # another host of the same job was faster
            else:
                return
