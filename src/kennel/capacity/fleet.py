"""The queue of a fleet: a first-come-first-served queue before a changing number of workers, exactly.

A request starts when it has arrived and a worker is free (Kiefer and Wolfowitz's recursion): the workers'
times of becoming free are a heap, from which each request takes the earliest. Where busy times are short,
thousands of requests are served together (`Fleet._serve_together`), with the same result. Times are seconds
since the trace's start.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np
from numpy.typing import NDArray

REFUSED = -1.0
"""What stands for the start of a request that was refused."""
STRETCH, LONGEST = 4096, 65_536  # requests that are looked at together
ROUNDS = 24  # of looking at them, which is then slower than looking at one after the other


class Fleet:
    """Workers and their queue.

    Parameters
    ----------
    waiting
        Requests that may wait for each worker; what comes then is refused. None: any number.
    """

    def __init__(self, waiting: int | None) -> None:
        self._waiting = waiting
        self._free: list[float] = []  # a heap
        self._starts: deque[float] = deque()  # of the requests accepted last, as many as may wait
        self._settled = 0.0  # from when on starts are in the order of arrivals

    @property
    def workers(self) -> int:
        """How many there are."""
        return len(self._free)

    def grow(self, workers: int, now: float) -> None:
        """Add workers, which are free from now on; requests that wait already keep their places elsewhere.

        An endpoint, too, gives a request to an instance when it arrives.
        """
        for _ in range(workers):
            heappush(self._free, now)
        self._change(now)

    def shrink(self, workers: int, now: float) -> None:
        """Remove workers, which finish what they have; which ones is independent of how long that takes."""
        ordered = sorted(self._free)
        dropped = {int((place + 0.5) * len(ordered) / workers) for place in range(workers)}
        self._free = [free for place, free in enumerate(ordered) if place not in dropped]
        heapify(self._free)
        self._change(now)

    def _change(self, now: float) -> None:
        starts = sorted(start for start in self._starts if start > now)
        self._settled = starts[-1] if starts else now
        self._starts = deque(starts)

    def serve(self, arrivals: NDArray[np.float64], services: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return when each request starts, or `REFUSED`.

        Parameters
        ----------
        arrivals
            Ascending, none before the last of an earlier call.
        services
            How long each one occupies a worker.
        """
        if not self._free:
            return np.full(len(arrivals), REFUSED)
        settled = int(np.searchsorted(arrivals, self._settled))
        begun = np.empty(len(arrivals))
        begun[:settled] = self._serve_unsettled(arrivals[:settled].tolist(), services[:settled].tolist())
        if settled < len(arrivals):
            self._keep_last()
            self._serve_settled(arrivals[settled:], services[settled:], begun[settled:])
        return begun

    def _serve_settled(
        self, arrivals: NDArray[np.float64], services: NDArray[np.float64], begun: NDArray[np.float64]
    ) -> None:
        """Serve requests in stretches: together where they settle soon, else one by one for ever longer."""
        place, busy = 0, STRETCH
        while place < len(arrivals):
            stretch = slice(place, place + STRETCH)
            starts = self._serve_together(arrivals[stretch], services[stretch])
            if starts is not None:
                begun[stretch] = starts
                place, busy = stretch.stop, STRETCH
                continue
            stretch = slice(place, place + busy)
            begun[stretch] = self._serve(arrivals[stretch].tolist(), services[stretch].tolist())
            place, busy = stretch.stop, min(2 * busy, LONGEST)

    def _serve_together(
        self, arrivals: NDArray[np.float64], services: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """Serve requests all at once and return their starts; None, and nothing changes, if that takes long.

        Workers become free at the times of the heap, and whenever a request has been served. In the order of
        arrival each request takes the earliest of these times that is left. So the starts are
        ``max(arrivals, sorted(free, starts + services))``, which is computed again and again from
        ``starts = arrivals`` on. Starts only grow thereby, up to the least solution, which is the queue's. A
        round settles at least the next request that is not; in practice one of each worker in every busy
        time.
        """
        free, starts = np.array(self._free), arrivals
        for _ in range(ROUNDS):
            times = np.concatenate([free, starts + services])
            times.sort()
            settled = np.maximum(arrivals, times[: len(arrivals)])
            if np.array_equal(settled, starts):
                break
            starts = settled
        else:
            return None
        waits = starts is not arrivals
        if waits and self._overflows(arrivals, starts):
            return None
        self._free = times[len(arrivals) :].tolist()  # ascending, hence a heap
        if waits and (bound := self._bound()):
            self._starts.extend(starts[-bound:].tolist())
        return starts

    def _overflows(self, arrivals: NDArray[np.float64], starts: NDArray[np.float64]) -> bool:
        """Whether the queue would be full for a request, if none had been refused."""
        bound = self._bound()
        if bound is None:
            return False
        earlier = np.concatenate([np.array(self._starts), starts])[: len(arrivals)]
        return bool((earlier > arrivals).any()) if bound else True

    def _bound(self) -> int | None:
        return None if self._waiting is None else self._waiting * len(self._free)

    def _keep_last(self) -> None:
        """Keep the starts of as many requests as may wait; padded with starts that are over."""
        bound = self._bound()
        if bound is not None and self._starts.maxlen != bound:
            padding = [REFUSED] * max(0, bound - len(self._starts))
            self._starts = deque([*padding, *self._starts], maxlen=bound)

    def _serve(self, arrivals: list[float], services: list[float]) -> list[float]:
        """Serve requests that start in the order in which they arrive.

        The queue is full if the request that was accepted as many places before as may wait has not started.
        """
        free, recent = self._free, self._starts
        begun: list[float] = []
        add, accept, replace = begun.append, recent.append, heapreplace  # a tenth faster than attributes
        bound = self._bound()
        if bound is None:
            for arrival, service in zip(arrivals, services, strict=True):
                start = free[0]
                if start < arrival:
                    start = arrival
                add(start)
                replace(free, start + service)
        elif bound == 0:
            for arrival, service in zip(arrivals, services, strict=True):
                if free[0] > arrival:
                    add(REFUSED)
                else:
                    add(arrival)
                    replace(free, arrival + service)
        else:
            for arrival, service in zip(arrivals, services, strict=True):
                start = free[0]
                if start > arrival:
                    if recent[0] > arrival:
                        add(REFUSED)
                        continue
                else:
                    start = arrival
                add(start)
                accept(start)
                replace(free, start + service)
        return begun

    def _serve_unsettled(self, arrivals: list[float], services: list[float]) -> list[float]:
        """Serve requests while those that waited before a change still wait: starts are in any order."""
        pending, begun = list(self._starts), []
        heapify(pending)
        bound = self._bound()
        for arrival, service in zip(arrivals, services, strict=True):
            while pending and pending[0] <= arrival:
                heappop(pending)
            start = max(self._free[0], arrival)
            if start > arrival and bound is not None and len(pending) >= bound:
                begun.append(REFUSED)
                continue
            begun.append(start)
            heappush(pending, start)
            heapreplace(self._free, start + service)
        if arrivals:
            self._starts = deque(sorted(pending))
        return begun
