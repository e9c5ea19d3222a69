"""An asynchronous event is retried by the clock, and given up when it is too old."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kennel.localcloud.clock import Clock
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.lambda_ import asynchronous
from kennel.localcloud.services.lambda_.sandbox import InvocationResult

FAILED = InvocationResult(b'{"errorMessage": "no"}', "Unhandled", b"", 0.1)


class Attempts:
    """A function that fails, or is throttled, and when it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, throttled: bool = False, **settings: Any) -> None:
        self.clock, self.at = Clock(speed=0), list[int]()
        self.published, self.throttled = dict[str, float](), throttled
        self._began = self.clock.time()
        monkeypatch.setattr(asynchronous, "run", self._run)
        monkeypatch.setattr(
            asynchronous.metrics, "publish", lambda *_, **values: self.published.update(values)
        )
        monkeypatch.setattr(asynchronous, "reserved_concurrency", lambda latest: None)
        configurations = [SimpleNamespace(config=settings)] if settings else []
        changes = SimpleNamespace(note=lambda *_: None)
        events = SimpleNamespace(by_id={})
        cloud: Any = SimpleNamespace(clock=self.clock, changes=changes, store=lambda kind: events)
        version: Any = SimpleNamespace(name="f")
        latest = SimpleNamespace(event_invoke_config=configurations)
        asynchronous.AsynchronousEvent(cloud, version, latest, b"{}").start()

    def _run(self, *_: Any, **__: Any) -> InvocationResult:
        self.at.append(round(self.clock.time() - self._began))
        if self.throttled:
            raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429)
        return FAILED


def test_the_retries_come_after_one_and_two_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch)
    attempts.clock.advance(59)
    assert attempts.at == [0]
    attempts.clock.advance(3600)
    assert attempts.at == [0, 60, 180]


def test_an_event_past_its_age_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch, MaximumEventAgeInSeconds=100)
    attempts.clock.advance(3600)
    assert attempts.at == [0, 60]


def test_a_throttled_event_is_tried_again_until_it_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = Attempts(monkeypatch, throttled=True, MaximumEventAgeInSeconds=60)
    attempts.clock.advance(3600)
    assert attempts.at == list(range(60))
    assert attempts.published["AsyncEventsDropped"] == 1
