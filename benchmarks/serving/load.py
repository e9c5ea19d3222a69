"""Closed-loop load: a number of clients, each of which sends its next request when it has its answer."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Call = Callable[[], float]
"""Sends one request; returns 0 for an answer, or the seconds after which a refused caller may try again."""

SECONDS = 120.0  # within which a server must have answered, whatever its queue


class LoadError(RuntimeError):
    """A server answered with something else than a result or a refusal."""


@dataclass
class Figures:
    """What clients measured: the seconds of each answer, how many requests were refused, the whole time."""

    answers: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0

    def add(self, other: Figures) -> None:
        """Take in another measurement of the same."""
        self.answers += other.answers
        self.refused += other.refused
        self.seconds += other.seconds

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which that share of the answers came, by the nearest rank."""
        ordered = sorted(self.answers)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000

    def as_dict(self) -> dict[str, float]:
        """Return what the report shows."""
        return {
            "p50_ms": round(self.percentile(0.50), 1),
            "p95_ms": round(self.percentile(0.95), 1),
            "per_second": round(len(self.answers) / self.seconds, 2),
            "requests": len(self.answers),
            "refused": self.refused,
        }


def run(connect: Callable[[], Call], clients: int, requests: int) -> Figures:
    """Send requests from several clients until so many are answered; a refused one waits, then tries again.

    Parameters
    ----------
    connect
        Returns the call of one client, which keeps its connection.

    Raises
    ------
    LoadError
        An answer was neither a result nor a refusal.
    """
    figures, numbers, lock = Figures(), itertools.count(), threading.Lock()
    errors: list[BaseException] = []
    ready = threading.Barrier(clients + 1, timeout=SECONDS)

    def client(call: Call) -> None:
        ready.wait()
        try:
            while next(numbers) < requests and not errors:
                began = time.perf_counter()
                while (pause := call()) and not errors:
                    with lock:
                        figures.refused += 1
                    time.sleep(pause)
                with lock:
                    figures.answers.append(time.perf_counter() - began)
        except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
            errors.append(error)

    calls = [connect() for _ in range(clients)]  # before any thread waits for the others
    threads = [threading.Thread(target=client, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    figures.seconds = time.perf_counter() - began
    if errors:
        raise errors[0]
    return figures


def http_client(port: int, body: bytes, content_type: str) -> Callable[[], Call]:
    """Return what connects a client to a model server's ``POST /invocations`` on this machine."""

    def connect() -> Call:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        headers = {"Content-Type": content_type, "Accept": "application/json"}

        def call() -> float:
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status == http.client.SERVICE_UNAVAILABLE:
                return float(response.headers.get("Retry-After", 1))
            if response.status != http.client.OK:
                raise LoadError(f"status {response.status}: {answer[:200]!r}")
            return 0.0

        return call

    return connect
