"""AWS's dialect of cron: six fields with a year, names, and the wildcards ``?``, ``L``, ``W`` and ``#``.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

FIRST_YEAR, LAST_YEAR = 1970, 2199
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}


class CronError(ValueError):
    """An expression that AWS refuses; the text says why."""


@dataclass(frozen=True)
class Cron:
    """A parsed expression.

    Attributes
    ----------
    minutes, hours, months, years
        The values of each field.
    day_of_month, day_of_week
        The fields as written; one of them is ``?``.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day_of_month: str
    months: tuple[int, ...]
    day_of_week: str
    years: tuple[int, ...]

    @classmethod
    def parse(cls, fields: str) -> Cron:
        """Read the text between the parentheses of ``cron(...)``.

        Raises
        ------
        CronError
            AWS would refuse it.
        """
        parts = fields.upper().split()
        if len(parts) == 7:  # with seconds, which Application Auto Scaling accepts and does not guarantee
            _values(parts.pop(0), 0, 59)
        if len(parts) != 6:
            raise CronError(f"a cron expression has six fields, not {len(parts)}: cron({fields})")
        minutes, hours, day, month, weekday, year = parts
        if (day == "?") == (weekday == "?"):
            raise CronError("exactly one of Day-of-month and Day-of-week must be ?")
        cron = cls(
            _values(minutes, 0, 59),
            _values(hours, 0, 23),
            day,
            _values(month, 1, 12, MONTHS),
            weekday,
            _values(year, FIRST_YEAR, LAST_YEAR),
        )
        cron._days(2000, 1)  # whatever is wrong with a day's field shows with any month
        return cron

    def local_times(self, begin: datetime) -> Iterator[datetime]:
        """Return the times that match, in order, from a minute on; naive, in the schedule's own time zone."""
        for year in self.years:
            for month in self.months:
                if (year, month) < (begin.year, begin.month):
                    continue
                for day in self._days(year, month):
                    for hour in self.hours:
                        for minute in self.minutes:
                            moment = datetime(year, month, day, hour, minute)
                            if moment >= begin:
                                yield moment

    def _days(self, year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        if self.day_of_month != "?":
            return sorted({day for part in self.day_of_month.split(",") for day in _days(part, year, month)})
        weekdays = {day: (date(year, month, day).isoweekday() % 7) + 1 for day in range(1, last + 1)}
        days = {day for part in self.day_of_week.split(",") for day in _by_weekday(part, weekdays)}
        return sorted(days)


def _values(field: str, lowest: int, highest: int, names: dict[str, int] | None = None) -> tuple[int, ...]:
    """Return the values of a field of numbers, names, lists, ranges and increments."""
    values: set[int] = set()
    for part in field.split(","):
        whole, _, step = part.partition("/")
        if step and not (step.isdecimal() and int(step)):
            raise CronError(f"{part}: an increment is a positive number")
        first, dash, end = whole.partition("-")
        if whole == "*":
            low, high = lowest, highest
        else:
            low = _number(first, lowest, highest, names)
            high = _number(end, lowest, highest, names) if dash else (highest if step else low)
        wrapped = range(lowest, high + 1) if low > high else ()  # FRI-MON
        values.update([*range(low, (highest if wrapped else high) + 1), *wrapped][:: int(step or 1)])
    return tuple(sorted(values))


def _number(text: str, lowest: int, highest: int, names: dict[str, int] | None) -> int:
    number = (names or {}).get(text, int(text) if text.isdecimal() else -1)
    if not lowest <= number <= highest:
        raise CronError(f"{text or 'an empty value'} is not in {lowest}-{highest}")
    return number


def _days(part: str, year: int, month: int) -> list[int]:
    """Return the days that one part of a Day-of-month field means."""
    last = calendar.monthrange(year, month)[1]
    if part == "L":
        return [last]
    matched = re.fullmatch(r"(\d{1,2}|L)W", part)
    if not matched:
        return [day for day in _values(part, 1, 31) if day <= last]
    day = last if matched[1] == "L" else _number(matched[1], 1, 31, None)
    if day > last:
        return []
    nominal = date(year, month, day)
    shift = {6: -1, 7: 1}.get(nominal.isoweekday(), 0)  # the closest weekday
    if (nominal + timedelta(shift)).month != month:  # which stays in the month
        shift = 2 if shift < 0 else -2
    return [day + shift]


def _by_weekday(part: str, weekdays: dict[int, int]) -> list[int]:
    """Return the days that one part of a Day-of-week field means."""
    if part == "L":
        part = "7"  # the last day of the week
    if matched := re.fullmatch(r"(\w+)#([1-5])", part):
        number = _number(matched[1], 1, 7, WEEKDAYS)
        return [day for day, weekday in weekdays.items() if weekday == number][int(matched[2]) - 1 :][:1]
    if matched := re.fullmatch(r"(\w+)L", part):
        number = _number(matched[1], 1, 7, WEEKDAYS)
        return [day for day, weekday in weekdays.items() if weekday == number][-1:]
    numbers = _values(part, 1, 7, WEEKDAYS)
    return [day for day, weekday in weekdays.items() if weekday in numbers]
