"""The demonstration's load and what it keeps of an endpoint, whose scaling is scripted here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kennel.aws import live_figures, session
from kennel.aws.live_figures import Serving, State
from kennel.report import scaling_page
from kennel.scaling_demo import demonstrate, endpoint, run

BEGAN = datetime(2026, 11, 27, 12, tzinfo=UTC)
SPEED = 3600.0


class Activities:
    def describe_scaling_activities(self, **_: Any) -> Any:
        activity = {"StatusCode": "Successful", "Cause": "an alarm"}
        times = {18: "Setting desired instance count to 1.", 6: "Setting desired instance count to 3."}
        return {
            "ScalingActivities": [
                {**activity, "Description": text, "StartTime": BEGAN + timedelta(minutes=minute)}
                for minute, text in times.items()
            ]
        }


@dataclass
class Scripted:
    """A clock that goes on by a third of a minute at each look, and the requests."""

    looks: int = 0
    asked: int = 0

    def now(self) -> datetime:
        self.looks += 1
        return BEGAN + timedelta(minutes=(self.looks - 1) / 3)

    def ask(self) -> None:
        self.asked += 1

    def read(self, at: datetime) -> State:
        minutes = (at - BEGAN).total_seconds() / 60
        count = 3 if 6 <= minutes < 18 else 1
        figures = {"requests": 50.0, "p95_ms": None}
        return State(at, [Serving("endpoint", "scaling-demo", "InService", count, count, figures)])


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Three instances from minute 6 to 18."""
    made = Scripted()
    monkeypatch.setattr(endpoint, "ask", made.ask)
    monkeypatch.setattr(live_figures, "read", made.read)
    monkeypatch.setattr(session, "client", lambda name: Activities())
    monkeypatch.setattr(run, "CLIENTS", 1)
    return made


def test_it_ends_when_one_instance_serves_again_and_draws_what_it_saw(
    scripted: Scripted, tmp_path: Path
) -> None:
    shown = demonstrate(scripted.now, SPEED, lambda line: None)

    assert (shown.most, shown.back, shown.failed) == (3, True, 0)
    assert 18 < shown.minutes[-1] < 21
    assert shown.sent == scripted.asked > 0
    assert [each["description"][-2] for each in shown.activities] == ["3", "1"], "the oldest first"
    page = scaling_page.write(tmp_path / "scaling.html", asdict(shown)).read_text()
    assert "Setting desired instance count to 3." in page
    assert page.count("<polyline") == 2, "no latency was published"


def test_requests_that_are_not_answered_are_counted(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import EndpointConnectionError

    def refuse() -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    monkeypatch.setattr(endpoint, "ask", refuse)

    shown = demonstrate(scripted.now, SPEED, lambda line: None)

    assert shown.failed == shown.sent > 0
