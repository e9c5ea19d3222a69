"""Who waits by a clock, and whom its moves wait for."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import Protocol

log = logging.getLogger(__name__)

BUSY_SECONDS = 60.0  # of the machine: how long a move of the clock waits for one participant


class Reading(Protocol):
    """What a waiter asks of its clock."""

    @property
    def speed(self) -> float:
        """Its seconds in one second of the wall's clock."""

    def time(self) -> float:
        """Return the seconds since the epoch."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""


class Participant:
    """A thread that works by a clock: the clock moves on when it waits, and stops where its waits end."""

    def __init__(self, name: str) -> None:
        self.name = name


class Waiter:
    """One thread that waits by a clock.

    Parameters
    ----------
    clock
        The clock.
    seconds, event
        For how long it waits, and what ends the wait earlier.
    participant
        Whose thread it is, if anyone's.
    """

    def __init__(
        self, clock: Reading, seconds: float, event: threading.Event, participant: Participant | None
    ) -> None:
        self._clock, self.event, self.participant = clock, event, participant
        self.when, self.until = clock.time() + seconds, clock.monotonic() + seconds
        # Whoever waits for an Event wakes when it is set only; a move of the clock must wake it as well.
        self._condition: threading.Condition = vars(event)["_cond"]

    @property
    def due(self) -> bool:
        """Whether its time has come: as it reckons, which a correction of the wall's clock does not delay."""
        return self._clock.monotonic() >= self.until

    def block(self) -> bool:
        """Wait; return whether the event is set."""
        with self._condition:
            while not self.event.is_set() and not self.due:
                self._condition.wait(self._wall_seconds())
        return self.event.is_set()

    def _wall_seconds(self) -> float | None:
        """Return how long it waits unless the clock is moved; None for ever."""
        speed = self._clock.speed
        seconds = (self.until - self._clock.monotonic()) / speed if speed else threading.TIMEOUT_MAX
        return max(0.0, seconds) if seconds < threading.TIMEOUT_MAX else None

    def nudge(self) -> None:
        """Let it look at the clock again."""
        with self._condition:
            self._condition.notify_all()


class Waiters:
    """The waiters of a clock, and those of its participants that are at work.

    Its user holds the condition's lock.

    Parameters
    ----------
    changed
        Notified when a participant works no longer.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._waiting: list[Waiter] = []
        self._busy: dict[Participant, float] = {}  # until when, by the machine's clock, they are waited for

    def begin(self, waiter: Waiter) -> None:
        """Take a waiter; its participant is at rest."""
        self._waiting.append(waiter)
        self.rest(waiter.participant)

    def end(self, waiter: Waiter) -> None:
        """Release a waiter; its participant is at work."""
        self._waiting.remove(waiter)
        self.work(waiter.participant)

    def rest(self, participant: Participant | None) -> None:
        """Note that a participant is at rest."""
        if participant and self._busy.pop(participant, None):
            self._changed.notify_all()

    def work(self, participant: Participant | None) -> None:
        """Note that a participant is at work."""
        if participant:
            self._busy.setdefault(participant, time.monotonic() + BUSY_SECONDS)

    def work_for(self, event: threading.Event) -> None:
        """Note that the participants that wait for an event are at work."""
        for waiter in self._waiting:
            if waiter.event is event:
                self.work(waiter.participant)

    def await_rest(self) -> bool:
        """Wait once for the participants at work; return whether there were any."""
        if not self._busy:
            return False
        now = time.monotonic()
        if (left := min(self._busy.values()) - now) > 0:
            self._changed.wait(left)
        for participant in [each for each, until in self._busy.items() if until <= now]:
            log.warning("the clock goes on without %s, which is at work for long", participant.name)
            del self._busy[participant]
        return True

    def wake_participants(self) -> bool:
        """Wake the participants whose time has come; return whether there were any."""
        due = [waiter for waiter in self._waiting if waiter.participant and waiter.due]
        for waiter in due:
            self.work(waiter.participant)
            waiter.nudge()
        return bool(due)

    def nudge(self, *, participants: bool) -> None:
        """Let all waiters look at the clock again, those of participants included or not."""
        for waiter in self._waiting:
            if participants or waiter.participant is None:
                waiter.nudge()

    def reached(self, now: float) -> float:
        """Return how far the clock's monotonic seconds are at least, since these waits end by a time.

        Seconds since the epoch are so large that sums with them are rounded to a quarter of a microsecond:
        what waits for the rest of a time would wait for ever on a clock that stands still.
        """
        return max((waiter.until for waiter in self._waiting if waiter.when <= now), default=-math.inf)

    def stops(self) -> list[float]:
        """Return where the participants' waits end."""
        return [waiter.when for waiter in self._waiting if waiter.participant]
