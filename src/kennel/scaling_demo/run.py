"""Load on the endpoint, and what is seen of it meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import Progress, live_figures, session
from kennel.scaling_demo import endpoint

POLICY = endpoint.Policy(target=20, most=3)
CALM, BUSY = 5, 50  # requests a minute: a quarter of what one instance is to have, and what three are to
BEFORE_MINUTES, LOAD_MINUTES, MOST_MINUTES = 3.0, 12.0, 60.0
AFTER_LOOKS = 6  # at one instance, at the end
CLIENTS = 8
LOOK_SECONDS = 20.0  # by the clock, between two looks


@dataclass
class Demonstration:
    """What was seen, by the clock.

    Attributes
    ----------
    minutes, requests, instances, p95_ms
        When it was looked at, and what a minute had then; None where nothing was published.
    failed
        Requests that were not answered.
    activities
        Of scaling, the oldest first.
    """

    minutes: list[float] = field(default_factory=list)
    requests: list[float | None] = field(default_factory=list)
    instances: list[int] = field(default_factory=list)
    p95_ms: list[float | None] = field(default_factory=list)
    sent: int = 0
    failed: int = 0
    activities: list[dict[str, Any]] = field(default_factory=list)

    @property
    def most(self) -> int:
        """The most instances that served."""
        return max(self.instances, default=0)

    @property
    def back(self) -> bool:
        """Whether one instance serves again after there were more."""
        return self.most > 1 and self.instances[-1] == 1


def demonstrate(now: Callable[[], datetime], speed: float, report: Progress) -> Demonstration:
    """Send requests, few, then many, then few, until one instance serves again.

    Parameters
    ----------
    now, speed
        The clock that scaling follows, and its seconds in one second.
    """
    shown, began, load = Demonstration(), now(), _Load(speed)
    with ThreadPoolExecutor(CLIENTS) as pool:
        stopped = threading.Event()
        sender = threading.Thread(target=load.send, args=(pool, stopped), name="load")
        sender.start()
        try:
            while True:
                _look(shown, began, now())
                minutes = shown.minutes[-1]
                loaded = BEFORE_MINUTES <= minutes < BEFORE_MINUTES + LOAD_MINUTES
                load.a_minute = BUSY if loaded else CALM
                serving = f"{shown.instances[-1]} instances, {load.a_minute} requests a minute"
                report(f"minute {minutes:.0f}: {serving}")
                if _over(shown):
                    break
                time.sleep(LOOK_SECONDS / speed)
        finally:
            stopped.set()
            sender.join()
    shown.sent, shown.failed = load.sent, load.failed
    activities = session.client("application-autoscaling").describe_scaling_activities(
        ServiceNamespace="sagemaker"
    )["ScalingActivities"]
    shown.activities = [
        {
            "minute": round((activity["StartTime"] - began).total_seconds() / 60, 1),
            "description": activity["Description"],
            "status": activity["StatusCode"],
            "cause": activity["Cause"],
        }
        for activity in reversed(activities)
    ]
    return shown


def _over(shown: Demonstration) -> bool:
    """Return whether one instance has served again for some time, or the time is over."""
    returned = shown.most > 1 and shown.instances[-AFTER_LOOKS:] == [1] * AFTER_LOOKS
    ended = shown.minutes[-1] > BEFORE_MINUTES + LOAD_MINUTES
    return ended and (returned or shown.minutes[-1] > MOST_MINUTES)


class _Load:
    """Requests at a rate by the fast clock, which changes while they are sent."""

    def __init__(self, speed: float) -> None:
        self._speed, self._lock = speed, threading.Lock()
        self.a_minute, self.sent, self.failed = CALM, 0, 0

    def send(self, pool: ThreadPoolExecutor, stopped: threading.Event) -> None:
        """Send until it is stopped."""
        while not stopped.wait(60 / self.a_minute / self._speed):
            pool.submit(self._ask)

    def _ask(self) -> None:
        failed = 1
        with suppress(ClientError, BotoCoreError):
            endpoint.ask()
            failed = 0
        with self._lock:
            self.sent, self.failed = self.sent + 1, self.failed + failed


def _look(shown: Demonstration, began: datetime, now: datetime) -> None:
    (serving,) = live_figures.read(now).serving
    shown.minutes.append((now - began).total_seconds() / 60)
    shown.instances.append(serving.instances or 0)
    shown.requests.append(serving.figures["requests"])
    shown.p95_ms.append(serving.figures["p95_ms"])
