"""Worker threads behind a bounded queue: what does not fit is refused, so memory and waits are bounded."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeVar

from kennel.serving.refusal import Refusal

WAITING = 32
"""Requests that may wait for each worker."""
STUCK_SECONDS = 60.0
"""A request that takes longer hangs: SageMaker itself gives up after 60 seconds."""
_SMOOTHING = 0.1  # of the running mean of a request's time

Result = TypeVar("Result")


class Workers:
    """Threads that each work on one request; all methods but `warm_up` belong to the event loop's thread.

    Parameters
    ----------
    count
        Requests that are worked on at once.
    waiting
        Requests that may wait for each of them.
    """

    def __init__(self, count: int, waiting: int = WAITING) -> None:
        self.count, self.places = count, count * (1 + waiting)
        self.taken = 0
        self._seconds = 0.0
        self._begun: dict[object, float] = {}
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="predict")

    def warm_up(self, function: Callable[[], object]) -> None:
        """Call a function once in every thread; raises what it raises."""
        for _ in range(self.count):
            self._pool.submit(function).result()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue, from before a request's body is read to its answer.

        Raises
        ------
        Refusal
            503 with ``Retry-After``: every place is taken.
        """
        if self.taken >= self.places:
            seconds = max(1, math.ceil(self._seconds * self.taken / self.count))
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self.taken} requests are waiting; try again in {seconds} s",
                {"Retry-After": str(seconds)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Run a function in a worker's thread, in the order of the calls."""

        def timed() -> tuple[Result, float]:
            request = object()
            self._begun[request] = begin = time.monotonic()
            try:
                return function(*arguments), time.monotonic() - begin
            finally:
                del self._begun[request]

        result, seconds = await asyncio.wrap_future(self._pool.submit(timed))
        self._seconds += _SMOOTHING * (seconds - self._seconds) if self._seconds else seconds
        return result

    def stuck(self) -> bool:
        """Return whether a worker hangs."""
        begun = list(self._begun.values())
        return bool(begun) and time.monotonic() - min(begun) > STUCK_SECONDS

    def close(self) -> None:
        """End the threads when they have finished what they are working on."""
        self._pool.shutdown(wait=False, cancel_futures=True)
