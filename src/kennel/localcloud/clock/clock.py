"""The clock: as fast as the wall's, a number of times faster, or moved by hand."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from kennel.localcloud.clock.line import Kept, Line
from kennel.localcloud.clock.timers import Action, Timer, Timers, next_multiple
from kennel.localcloud.clock.waiting import Participant, Waiter, Waiters

log = logging.getLogger(__name__)

FASTEST = 3600.0
RECHECK_SECONDS = 60.0  # of the wall: it may be corrected, and a machine may sleep


class Clock:
    """A clock, and what is to happen by it; safe to use from many threads.

    Parameters
    ----------
    speed
        Its seconds in one second of the wall's clock: 1 follows that, 60 passes an hour in a minute, 0 stands
        still until `advance`.

    Raises
    ------
    ValueError
        The speed is not from 0 to `FASTEST`.
    """

    def __init__(self, speed: float = 1.0) -> None:
        _check(speed)
        self._line = Line.at(time.time(), 0.0, speed)
        if speed == 1:  # exactly the wall's
            self._line = self._line._replace(epoch=self._line.wall)
        self._changed = threading.Condition()
        self._advancing = threading.Lock()
        self._timers, self._waiters = Timers(), Waiters(self._changed)
        self._of_thread = threading.local()
        self._goal: float | None = None  # where `advance` moves to
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def speed(self) -> float:
        """Its seconds in one second of the wall's clock."""
        return self._line.speed

    def time(self) -> float:
        """Return the seconds since the epoch by this clock."""
        return self._line.time()

    def now(self) -> datetime:
        """Return `time` as a date, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def monotonic(self) -> float:
        """Return seconds by this clock that never go back, from an arbitrary beginning."""
        return self._line.monotonic()

    def set_speed(self, speed: float) -> None:
        """Go on from the present at another speed.

        Raises
        ------
        ValueError
            The speed is not from 0 to `FASTEST`.
        """
        _check(speed)
        if speed != self.speed:
            self._replace(Line.at(self.time(), self.monotonic(), speed))

    def kept(self) -> Kept:
        """Return what a snapshot holds; it takes no lock, as a forked process writes snapshots."""
        line, wall = self._line, time.time()
        return Kept(line.epoch + (wall - line.wall) * line.speed, wall, line.speed)

    def restore(self, kept: Kept) -> None:
        """Go on from a snapshot: a driven clock where it stood, another after what has passed since."""
        wall = time.time()
        passed = max(0.0, wall - kept.wall) if kept.speed else 0.0
        line = Line.at(kept.epoch + passed, self.monotonic(), kept.speed)
        if kept.speed == 1 and kept.epoch == kept.wall:  # it followed the wall's clock and still does
            line = line._replace(epoch=line.wall)
        self._replace(line)

    def _replace(self, line: Line) -> None:
        with self._changed:
            self._line = line
            self._waiters.nudge(participants=True)
            self._changed.notify_all()

    def wait(self, seconds: float, event: threading.Event | None = None) -> bool:
        """Wait by this clock.

        Parameters
        ----------
        seconds
            How long, by this clock.
        event
            Ends the wait as soon as it is set.

        Returns
        -------
        Whether the event is set.

        Raises
        ------
        RuntimeError
            A timer's action waits, while the clock waits for it.
        """
        event = event or threading.Event()
        if seconds <= 0 or event.is_set():
            return event.is_set()
        self._refuse_in_action("wait")
        waiter = Waiter(self, seconds, event, self._participant())
        with self._changed:
            self._waiters.begin(waiter)
            self._catch_up()
        try:
            return waiter.block()
        finally:
            with self._changed:
                self._waiters.end(waiter)

    def set(self, event: threading.Event) -> None:
        """Set an event that participants may wait for: `advance` then waits for what they do about it."""
        with self._changed:
            self._waiters.work_for(event)
            event.set()

    def participant(self, name: str) -> Participant:
        """Return a participant, which is at work from now on; its thread enters `taking_part`."""
        participant = Participant(name)
        with self._changed:
            self._waiters.work(participant)
        return participant

    @contextlib.contextmanager
    def taking_part(self, participant: Participant) -> Iterator[None]:
        """Let `advance` stop where each wait of the calling thread ends, and wait for what it does then.

        What a participant does thus happens at its time, also while the clock is moved by an hour.
        """
        self._of_thread.participant = participant
        try:
            yield
        finally:
            self.leave()

    def leave(self) -> None:
        """Let `advance` not wait for the calling thread any more."""
        participant, self._of_thread.participant = self._participant(), None
        with self._changed:
            self._waiters.rest(participant)

    def _participant(self) -> Participant | None:
        return getattr(self._of_thread, "participant", None)

    def call_at(self, when: float, action: Action) -> Timer:
        """Run an action at a time of this clock.

        Actions run one after the other, in the order of their times, on one thread, each with
        ``time() >= when``. They must not wait by this clock. What they raise is logged.
        """
        return self._add(when, action)

    def every(self, seconds: float, action: Action) -> Timer:
        """Run an action at each multiple of so many seconds since the epoch, as `call_at`."""
        return self._add(next_multiple(seconds, self.time()), action, seconds)

    def _add(self, when: float, action: Action, period: float = 0.0) -> Timer:
        with self._changed:
            timer = self._timers.add(when, action, period)
            self._start()
            return timer

    def advance(self, seconds: float) -> None:
        """Advance the clock, whatever its speed.

        Actions that become due run in order, each with its own time as `time`; participants wake in order,
        after the actions of the same time. Returns when that has happened.

        Raises
        ------
        ValueError
            The seconds are negative or not finite.
        RuntimeError
            A timer's action advances the clock.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"a clock moves forward, by a number of seconds: {seconds:g} is none")
        self._refuse_in_action("advance")
        with self._advancing, self._changed:
            self._goal = self.time() + seconds
            self._start()
            self._changed.wait_for(lambda: self._goal is None or self._closed)

    def close(self) -> None:
        """Run no more actions."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _refuse_in_action(self, verb: str) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError(f"a timer's action must not {verb} by the clock, which waits for it")

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                if timer := self._timers.take(self.time()):
                    self._perform(timer)
                elif self._goal is not None:
                    self._step(self._goal)
                else:
                    self._changed.wait(self._wall_seconds())

    def _perform(self, timer: Timer) -> None:
        """Run an action, without the lock."""
        self._changed.release()
        try:
            timer.action()
        except Exception:
            log.exception("an action of the clock")
        finally:
            self._changed.acquire()
        self._timers.repeat(timer, self.time())

    def _wall_seconds(self) -> float | None:
        """Return how long nothing is due, by the wall's clock; None until something changes."""
        when = self._timers.next_time()
        if not self.speed or when == math.inf:
            return None
        return min(RECHECK_SECONDS, max(0.0, (when - self.time()) / self.speed))

    def _step(self, goal: float) -> None:
        """Wait for who works, or go one step towards the goal of `advance`: to what is due next."""
        if self._waiters.await_rest() or self._waiters.wake_participants():
            return
        target = min([goal, self._timers.next_time(), *self._waiters.stops()])
        if target > self.time():
            self._line = self._line.moved(target)
            self._catch_up()
            self._waiters.nudge(participants=False)
        elif target == goal:
            self._goal = None
            self._changed.notify_all()

    def _catch_up(self) -> None:
        self._line = self._line.caught_up(self._waiters.reached(self.time()))


def _check(speed: float) -> None:
    if not 0 <= speed <= FASTEST:
        raise ValueError(f"the speed of a clock is from 0 to {FASTEST:g}; {speed:g} is not")
