"""What tells the writer of snapshots that the state has changed, and when a moment is quiet."""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
from collections.abc import Iterator

SOON_SECONDS = 1.0  # after a change, until it is to be saved
LATER_SECONDS = 10.0  # after new log lines and metrics only
# Operations by whose names nothing changes.
_READING = re.compile(
    r"(Get|List|Describe|Head|BatchGet|Search|Lookup|Select|Query|Scan|Simulate|Filter|Validate|Estimate)[A-Z]"
)
_LATER = {("logs", "PutLogEvents"), ("cloudwatch", "PutMetricData")}
# What they do is noted where it is done: metrics of an invocation, an accepted event.
_INVOKING = {("lambda", "Invoke"), ("sagemaker-runtime", "InvokeEndpoint")}


class Changes:
    """The changes that no snapshot holds yet; safe to use from many threads."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._due = math.inf
        self._noted = self._saved = 0
        self._calls = 0
        self._closed = False

    @property
    def unsaved(self) -> bool:
        """Whether anything changed that no snapshot holds."""
        return self._noted != self._saved

    def note(self, seconds: float = SOON_SECONDS) -> None:
        """Note a change, which is to be saved within so many seconds."""
        with self._condition:
            self._noted += 1
            due = time.monotonic() + seconds
            if due < self._due:
                self._due = due
                self._condition.notify_all()

    def note_call(self, service: str, operation: str) -> None:
        """Note that an operation succeeded, unless it is one that only reads."""
        name = (service, operation)
        if name in _LATER:
            self.note(LATER_SECONDS)
        elif name not in _INVOKING and (service == "sts" or not _READING.match(operation)):
            self.note()

    def take(self) -> int:
        """Return the number of the last change; what a snapshot holds that is begun now."""
        with self._condition:
            self._due = math.inf
            return self._noted

    def saved(self, number: int) -> None:
        """Note that a snapshot holds all changes up to a number."""
        with self._condition:
            self._saved = max(self._saved, number)

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Hold while a call is being answered."""
        with self._condition:
            self._calls += 1
        try:
            yield
        finally:
            with self._condition:
                self._calls -= 1
                if not self._calls:
                    self._condition.notify_all()

    def wait_quiet(self, seconds: float) -> None:
        """Wait until no call is being answered, at most so many seconds: a call may wait for another one."""
        with self._condition:
            self._condition.wait_for(lambda: not self._calls, seconds)

    def wait_due(self, earliest: float) -> bool:
        """Wait until a change is to be saved, but not before a time; return False once closed.

        Parameters
        ----------
        earliest
            By the monotonic clock.
        """
        with self._condition:
            while not self._closed:
                wait = max(self._due, earliest) - time.monotonic()
                if wait <= 0:
                    return True
                self._condition.wait(None if math.isinf(wait) else wait)
            return False

    def close(self) -> None:
        """End `wait_due`."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
