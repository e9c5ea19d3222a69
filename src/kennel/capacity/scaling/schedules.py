"""When a scheduled action runs: ``at(...)``, ``rate(...)`` and ``cron(...)`` in a time zone.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kennel.capacity.scaling.cron import Cron, CronError

UNITS = {"minute": 60, "hour": 3600, "day": 86400}


class ScheduleError(ValueError):
    """A schedule that AWS refuses; the text says why."""


@dataclass(frozen=True)
class Schedule:
    """When an action runs.

    Attributes
    ----------
    once
        The time of an ``at``, seconds since the epoch; None for others.
    seconds
        The interval of a ``rate``; 0 for others.
    cron, zone
        A cron expression, and the time zone that it is in.
    """

    zone: ZoneInfo
    once: float | None = None
    seconds: int = 0
    cron: Cron | None = None

    def next_after(
        self, moment: float, created: float, start: float | None = None, end: float | None = None
    ) -> float | None:
        """Return the first run after a time, or None.

        Parameters
        ----------
        moment
            Seconds since the epoch; a run at this very time is not returned.
        created
            When the action was made: a ``rate`` without a start time counts from there.
        start, end
            The action runs at its start time, then as it recurs, and not after its end.
        """
        if start is not None and moment < start and self.once is None:
            following: float | None = start
        else:
            following = self._following(moment, created if start is None else start)
        return None if following is None or (end is not None and following > end) else following

    def _following(self, moment: float, anchor: float) -> float | None:
        if self.once is not None:
            return self.once if self.once > moment else None
        if self.cron:
            return self._next_of_cron(self.cron, moment)
        return anchor + max(1, (moment - anchor) // self.seconds + 1) * self.seconds

    def _next_of_cron(self, cron: Cron, moment: float) -> float | None:
        # A day earlier: where clocks go back, a later time of day may come first.
        begin = datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None) - timedelta(days=1)
        for local in cron.local_times(begin):
            time = _existing(local, self.zone)
            if time is not None and time > moment:
                return time
        return None


def parse(expression: str, timezone: str | None = None) -> Schedule:
    """Read a schedule.

    Parameters
    ----------
    expression
        ``at(yyyy-mm-ddThh:mm:ss)``, ``rate(value unit)`` or ``cron(fields)``.
    timezone
        A canonical name of the IANA; UTC by default.

    Raises
    ------
    ScheduleError
        AWS would refuse the expression or the time zone, or this machine has no data of time zones.
    """
    try:
        zone = ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScheduleError(f"Unknown timezone: {timezone}") from error
    matched = re.fullmatch(r"(at|rate|cron)\((.*)\)", expression.strip())
    if not matched:
        raise ScheduleError(f"Schedule expression is not valid: {expression}")
    kind, text = matched.groups()
    if kind == "at":
        return Schedule(zone, once=_once(text, zone))
    if kind == "rate":
        return Schedule(zone, seconds=_interval(text))
    try:
        return Schedule(zone, cron=Cron.parse(text))
    except CronError as error:
        raise ScheduleError(f"Schedule expression is not valid: {error}") from error


def _once(text: str, zone: ZoneInfo) -> float:
    matched = re.fullmatch(r"(\d{4})-(\d\d?)-(\d\d?)T(\d\d?):(\d\d):(\d\d)", text.strip())
    try:
        local = datetime(*map(int, matched.groups())) if matched else None  # type: ignore[arg-type] # six
    except ValueError:
        local = None
    time = _existing(local, zone) if local else None
    if time is None:
        raise ScheduleError(f"at({text}) is no time of the form at(yyyy-mm-ddThh:mm:ss)")
    return time


def _interval(text: str) -> int:
    matched = re.fullmatch(r"(\d+) (minute|hour|day)s?", text.strip())
    if not matched or not int(matched[1]):
        raise ScheduleError(f"rate({text}) is no positive number of minutes, hours or days")
    return int(matched[1]) * UNITS[matched[2]]


def _existing(local: datetime, zone: ZoneInfo) -> float | None:
    """Return a local time in seconds since the epoch; None where the clocks leave it out.

    Where the clocks go back and a time comes twice, it is the first: the action runs once.
    """
    aware = local.replace(tzinfo=zone, fold=0)
    time = aware.timestamp()
    return time if datetime.fromtimestamp(time, UTC).astimezone(zone).replace(tzinfo=None) == local else None
