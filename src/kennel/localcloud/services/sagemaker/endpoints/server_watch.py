"""Whether a model server that runs still answers: its health check, and what became of its requests."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import urllib3

PERIOD = 2.0  # seconds between two health checks
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
PING_SECONDS = 2.0
# How long a server may answer nothing at all before it gets no more requests, and before it is replaced. AWS
# does not publish when it does either.
UNRESPONSIVE_SECONDS, SILENT_SECONDS = 5.0, 10.0


class ServerWatch:
    """Notes when a model server last answered.

    A busy server may leave health checks without an answer, as long as it answers requests; a server whose
    requests have all run into their time limit is stuck, even if it answers health checks.

    Parameters
    ----------
    pool
        Connections to the server.
    now
        A clock, seconds.
    """

    def __init__(self, pool: urllib3.HTTPConnectionPool, now: Callable[[], float] = time.monotonic) -> None:
        self.pool, self._now = pool, now
        self._lock = threading.Lock()
        self._answered = self._served = now()
        self._stuck = False

    def ping(self) -> bool:
        """Ask for the server's health; return whether it is well."""
        try:
            well = self.pool.urlopen("GET", "/ping", retries=False, timeout=PING_SECONDS).status == 200
        except urllib3.exceptions.HTTPError:
            return False
        if well:
            self._answered = self._now()
        return well

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Note what becomes of the request in this context: an answer, a time-out, or another error."""
        began = self._now()
        try:
            yield
        except urllib3.exceptions.NewConnectionError:  # urllib3 makes it a time-out; nothing was sent
            raise
        except urllib3.exceptions.TimeoutError:
            with self._lock:
                self._stuck = self._stuck or self._served <= began
            raise
        with self._lock:
            self._answered = self._served = self._now()
            self._stuck = False

    def fault(self) -> str:
        """Return why the server must be replaced; empty as long as it need not."""
        if self._silent() > SILENT_SECONDS:
            return f"has answered nothing for {self._silent():.0f} seconds"
        if self._stuck:
            return "let a request run into its time limit and answered no other meanwhile"
        return ""

    def keep(self, ended: threading.Event, healthy: threading.Event) -> str:
        """Ask again and again until the server must be replaced; return why, or nothing once it has ended.

        Parameters
        ----------
        ended
            Set when the server has ended.
        healthy
            Set when the server answers a health check, cleared when it has not answered for some seconds.
        """
        while not ended.wait(PERIOD):
            well = self.ping()
            if ended.is_set():
                break
            if reason := self.fault():
                return reason
            if well:
                healthy.set()
            elif self._silent() > UNRESPONSIVE_SECONDS:
                healthy.clear()
        return ""

    def _silent(self) -> float:
        return self._now() - self._answered
