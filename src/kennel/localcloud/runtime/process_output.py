"""From a process's output to lines of text, passed on as they come."""

from __future__ import annotations

import math
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO

from kennel.localcloud.runtime.logs import LONGEST_LINE, LogStream

READ_SIZE = 65536


class LineBuffer:
    """Cuts bytes into lines of text, those past CloudWatch's limit into pieces."""

    def __init__(self) -> None:
        self._pending = b""

    def add(self, chunk: bytes) -> Iterator[str]:
        """Take bytes, and yield the lines that they complete."""
        *complete, self._pending = (self._pending + chunk).split(b"\n")
        for line in complete:
            yield from _pieces(line)
        if len(self._pending) > LONGEST_LINE:
            yield from self.rest()

    def rest(self) -> Iterator[str]:
        """Yield what is left: a last line without an end."""
        pending, self._pending = self._pending, b""
        if pending:
            yield from _pieces(pending)


def _pieces(line: bytes) -> Iterator[str]:
    for start in range(0, max(len(line), 1), LONGEST_LINE):
        yield line[start : start + LONGEST_LINE].decode(errors="replace").rstrip("\r")


class OutputReader:
    """Reads a process's output in a thread of its own, from the start to the end of the pipe.

    Parameters
    ----------
    pipe : IO[bytes]
        The reading end of a pipe; it is closed when it has ended.
    log : LogStream or None
        Gets every line.
    receive : callable or None
        Gets every line after the log stream.

    Attributes
    ----------
    ended_at : float
        When the output ended (Unix seconds); infinity before.
    """

    def __init__(
        self, pipe: IO[bytes], log: LogStream | None = None, receive: Callable[[str], None] | None = None
    ) -> None:
        self._pipe, self._log, self._receive = pipe, log, receive
        self._buffer, self._lock = LineBuffer(), threading.Lock()
        self._ended, self.ended_at = False, math.inf
        os.set_blocking(pipe.fileno(), False)
        self._thread = threading.Thread(target=self._read, name="output", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Pass on every line that was written before this call."""
        with self._lock:
            while not self._ended:
                try:
                    chunk = os.read(self._pipe.fileno(), READ_SIZE)
                except BlockingIOError:
                    return
                self._ended = not chunk
                for line in self._buffer.rest() if self._ended else self._buffer.add(chunk):
                    self._pass_on(line)

    def join(self, timeout: float) -> None:
        """Wait until every line was passed on, at most `timeout` seconds."""
        self._thread.join(timeout)

    def _read(self) -> None:
        poll = select.poll()  # unlike `select`, it takes descriptors above 1023
        poll.register(self._pipe.fileno(), select.POLLIN)
        while not self._ended:
            poll.poll()
            self.drain()
        self.ended_at = time.time()
        self._pipe.close()

    def _pass_on(self, line: str) -> None:
        if self._log:
            self._log.write(line)
        if self._receive:
            self._receive(line)
