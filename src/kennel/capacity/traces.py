"""Traffic: how many requests arrive in each step of time; generated, or read from a file or from metrics."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kennel.capacity import CapacityError

DAY_SECONDS = 86_400
MINUTE_SECONDS = 60
LONGEST_STEPS = 32 * DAY_SECONDS  # of one second; a gap of years in a file would fill the memory
HIGHEST_REQUESTS = 200_000_000  # 16 bytes each
TROUGH = 0.2  # of the peak: the least traffic of a day
RISE_SECONDS = 300  # in which a spike rises, and falls again
SPIKE_SECONDS = 1800
DECAY_SECONDS = 1200  # after which a crowd is 1/e of its beginning
EVENT_SHARE = 0.5  # of the trace is over when a spike or a crowd begins


@dataclass(frozen=True)
class Trace:
    """How many requests arrive in each step.

    Parameters
    ----------
    start
        Seconds since the epoch, of the first step.
    step
        Seconds of a step.
    requests
        Whole numbers, one for each step.
    """

    start: float
    step: float
    requests: NDArray[np.int64]

    @property
    def seconds(self) -> float:
        """The whole time."""
        return self.step * len(self.requests)

    @property
    def total(self) -> int:
        """The number of requests."""
        return int(self.requests.sum())

    def arrivals(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Return when each request arrives: seconds since the start, ascending.

        Requests of one step are spread over it uniformly and independently, as those of a Poisson process are
        whose number is known.
        """
        step = np.repeat(np.arange(len(self.requests), dtype=np.float64), self.requests)
        step += random.random(len(step))
        step *= self.step
        step.sort()
        return step


def generate(
    shape: str, total: int, random: np.random.Generator, *, seconds: int = DAY_SECONDS, peak: float = 5.0
) -> Trace:
    """Return a generated trace at a resolution of one second.

    Parameters
    ----------
    shape
        One of `SHAPES`.
    total
        Requests in all: exactly so many.
    peak
        How many times the base traffic the highest point of a spike or a crowd is.

    Notes
    -----
    Requests fall into the seconds by a multinomial distribution: a Poisson process of the shape's rate, given
    its number of requests.
    """
    at = np.arange(seconds, dtype=np.float64) + 0.5
    rate = SHAPES[shape](at, float(seconds), peak)
    return Trace(0.0, 1.0, random.multinomial(total, rate / rate.sum()))


def _steady(at: NDArray[np.float64], seconds: float, peak: float) -> NDArray[np.float64]:
    return np.ones_like(at)


def _diurnal(at: NDArray[np.float64], seconds: float, peak: float) -> NDArray[np.float64]:
    """Return a cosine with its trough at four in the morning and its peak at four in the afternoon."""
    wave = (1 - np.cos(2 * np.pi * (at / DAY_SECONDS - 4 / 24))) / 2
    return TROUGH + (1 - TROUGH) * wave


def _spike(at: NDArray[np.float64], seconds: float, peak: float) -> NDArray[np.float64]:
    """Return steady traffic that rises within minutes, stays, and falls as fast."""
    begin = EVENT_SHARE * seconds
    corners = np.cumsum([begin, RISE_SECONDS, SPIKE_SECONDS, RISE_SECONDS])
    return np.interp(at, corners, [1.0, peak, peak, 1.0])


def _flash_crowd(at: NDArray[np.float64], seconds: float, peak: float) -> NDArray[np.float64]:
    """Return steady traffic to which a crowd comes at once, and leaves slowly."""
    since = at - EVENT_SHARE * seconds
    return 1.0 + np.where(since >= 0, (peak - 1) * np.exp(-np.maximum(since, 0) / DECAY_SECONDS), 0.0)


SHAPES: dict[str, Callable[[NDArray[np.float64], float, float], NDArray[np.float64]]] = {
    "steady": _steady,
    "diurnal": _diurnal,
    "spike": _spike,
    "flash-crowd": _flash_crowd,
}


def read_csv(path: Path) -> Trace:
    """Return the trace of a CSV file with the columns ``timestamp`` and ``requests``.

    Timestamps are ISO 8601 (without a zone: UTC) or seconds since the epoch. The step is the least distance
    between two of them; where rows are missing, no requests arrived.

    Raises
    ------
    CapacityError
        The file is none of these; the text names the line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"timestamp", "requests"} <= set(rows.fieldnames or ()):
                raise CapacityError(
                    f"{path} has no columns timestamp and requests: write them into its first line, "
                    "timestamp,requests"
                )
            points = [_point(path, rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CapacityError(f"{path} cannot be read as CSV ({error}): give a text file") from error
    return from_points(points, str(path))


def _point(path: Path, line: int, row: dict[str, str]) -> tuple[float, int]:
    try:
        requests = float(row["requests"])
        if requests < 0 or requests != int(requests):
            raise ValueError(row["requests"])
        return _seconds(row["timestamp"]), int(requests)
    except (ValueError, TypeError, OverflowError):
        raise CapacityError(
            f"{path}, line {line}: write a timestamp (2026-11-27T12:00:00Z, or seconds since the epoch) and "
            "a whole number of requests"
        ) from None


def _seconds(text: str) -> float:
    """Return the seconds since the epoch that a timestamp stands for."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def from_points(points: Iterable[tuple[float, int]], name: str, step: float | None = None) -> Trace:
    """Return the trace of pairs of seconds since the epoch and requests, in any order.

    Parameters
    ----------
    name
        What errors call them.
    step
        Seconds; by default the least distance between two points, or a minute if there is one point.

    Raises
    ------
    CapacityError
        There are no points or no requests, or more than can be simulated.
    """
    ordered = sorted(points)
    if not ordered:
        raise CapacityError(f"{name} has no rows: give at least one")
    moments = np.array([moment for moment, _ in ordered])
    distances = np.diff(moments)
    distances = distances[distances > 0]
    step = step or (float(distances.min()) if len(distances) else float(MINUTE_SECONDS))
    places = np.floor((moments - moments[0]) / step + 0.5).astype(np.int64)
    steps = int(places[-1]) + 1
    if steps > LONGEST_STEPS:
        raise CapacityError(
            f"{name} spans {steps} steps of {step:g} s, more than {LONGEST_STEPS}: give a shorter time, "
            "or write a row for each minute"
        )
    requests = np.zeros(steps, dtype=np.int64)
    np.add.at(requests, places, np.array([number for _, number in ordered], dtype=np.int64))
    if not 0 < requests.sum() <= HIGHEST_REQUESTS:
        raise CapacityError(
            f"{name} has {requests.sum()} requests: give a time in which 1 to {HIGHEST_REQUESTS} arrived"
        )
    return Trace(float(moments[0]), step, requests)
