"""What time it is: a straight line over the machine's own clocks."""

from __future__ import annotations

import time
from typing import NamedTuple


class Line(NamedTuple):
    """Where a clock stands; replaced as a whole, so that it is read without a lock.

    Attributes
    ----------
    epoch
        The seconds since the epoch that the clock showed when the wall's clock showed `wall`.
    ticks
        Its seconds from an arbitrary beginning when the machine's monotonic clock showed `machine`.
    speed
        Its seconds in one second of the wall's clock.
    """

    epoch: float
    wall: float
    ticks: float
    machine: float
    speed: float

    @classmethod
    def at(cls, epoch: float, ticks: float, speed: float) -> Line:
        """Return a line that goes on from now."""
        return cls(epoch, time.time(), ticks, time.monotonic(), speed)

    def time(self) -> float:
        """Return the seconds since the epoch: the wall's own exactly, on a line that began there."""
        return self.epoch + (time.time() - self.wall) * self.speed

    def monotonic(self) -> float:
        """Return the seconds from the beginning."""
        return self.ticks + (time.monotonic() - self.machine) * self.speed

    def moved(self, epoch: float) -> Line:
        """Return the line that goes on from another time, now."""
        return Line.at(epoch, self.monotonic() + epoch - self.time(), self.speed)

    def caught_up(self, ticks: float) -> Line:
        """Return the same line with at least so many seconds from the beginning."""
        behind = ticks - self.monotonic()
        return self._replace(ticks=self.ticks + behind) if behind > 0 else self


class Kept(NamedTuple):
    """What a snapshot holds of a clock: what it showed, what the wall's clock showed then, and its speed."""

    epoch: float
    wall: float
    speed: float
