"""What is to happen by a clock, in the order of the times."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable

Action = Callable[[], None]


class Timer:
    """An action that is due at a time of a clock.

    Attributes
    ----------
    when
        When it is due next, in seconds since the epoch.
    period
        It is due again at each multiple of so many seconds; 0 for an action that runs once.
    cancelled
        Whether it runs no more.
    """

    def __init__(self, when: float, number: int, action: Action, period: float) -> None:
        self.when, self.action, self.period, self.cancelled = when, action, period, False
        self._number = number

    def __lt__(self, other: Timer) -> bool:
        return (self.when, self._number) < (other.when, other._number)

    def cancel(self) -> None:
        """Keep the action from running again; one that runs at this moment goes on."""
        self.cancelled = True


class Timers:
    """The timers of a clock; those of the same time in the order in which they were made.

    Its user holds a lock.
    """

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._numbers = itertools.count()

    def add(self, when: float, action: Action, period: float = 0.0) -> Timer:
        """Make a timer and return it."""
        timer = Timer(when, next(self._numbers), action, period)
        heapq.heappush(self._heap, timer)
        return timer

    def repeat(self, timer: Timer, now: float) -> None:
        """Let an action that has run be due at the next multiple of its period, if it has one."""
        if timer.period:
            timer.when = next_multiple(timer.period, now)
            heapq.heappush(self._heap, timer)

    def next_time(self) -> float:
        """Return when the next action is due; infinity if there is none."""
        while self._heap and self._heap[0].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0].when if self._heap else math.inf

    def take(self, now: float) -> Timer | None:
        """Return the first timer that is due, which is no longer among these; None if none is."""
        return heapq.heappop(self._heap) if self.next_time() <= now else None


def next_multiple(seconds: float, now: float) -> float:
    """Return the first multiple of so many seconds since the epoch that is later than a time."""
    return (math.floor(now / seconds) + 1) * seconds
