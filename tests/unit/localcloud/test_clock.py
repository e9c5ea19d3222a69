"""The local cloud's clock: what is due happens at its time and in its order, at every speed."""

from __future__ import annotations

import logging
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kennel.localcloud.clock import Clock, Kept

START = 1_800_000_000.0  # a whole minute
LONG = 3600.0
FAST = 1000.0


@pytest.fixture
def clock() -> Iterator[Clock]:
    driven = Clock(speed=0)
    driven.restore(Kept(START, START, 0))
    yield driven
    driven.close()


def started(target: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def test_at_the_wall_s_speed_it_shows_the_wall_s_time() -> None:
    clock = Clock()
    before = time.time()
    shown = clock.time()
    assert before <= shown <= time.time()
    assert clock.now().timestamp() == pytest.approx(shown, abs=60)


def test_a_driven_clock_stands_still(clock: Clock) -> None:
    assert [clock.time(), clock.time()] == [START, START]
    assert clock.now().isoformat() == "2027-01-15T08:00:00+00:00"
    clock.advance(1.5)
    assert clock.time() == START + 1.5


def test_a_faster_clock_passes_so_many_seconds_in_one() -> None:
    clock = Clock(speed=FAST)
    wall, shown, ticks = time.monotonic(), clock.time(), clock.monotonic()
    while time.monotonic() == wall:
        pass
    assert clock.wait(FAST / 100) is False
    passed = time.monotonic() - wall
    assert FAST / 100 <= clock.time() - shown <= FAST * (passed + 1)
    assert clock.monotonic() - ticks >= FAST / 100


@pytest.mark.parametrize("speed", [-1, float("nan"), 4000])
def test_other_speeds_are_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 3600"):
        Clock(speed)
    with pytest.raises(ValueError, match="from 0 to 3600"):
        Clock().set_speed(speed)


def test_a_change_of_the_speed_goes_on_from_the_present(clock: Clock) -> None:
    clock.set_speed(1)
    clock.set_speed(0)
    assert START <= clock.time() < START + 60


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_it_moves_forward_only(clock: Clock, seconds: float) -> None:
    with pytest.raises(ValueError, match="moves forward"):
        clock.advance(seconds)


@pytest.mark.parametrize("speed", [0.0, 1.0, 60.0])
def test_what_is_due_runs_in_order_and_at_its_own_time(speed: float) -> None:
    clock = Clock(speed)
    seen: list[tuple[str, float]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: seen.append((name, clock.time()))

    start = clock.time() + 100
    for name, seconds in (("third", 30), ("first", 10), ("second", 20), ("also second", 20), ("later", 5000)):
        clock.call_at(start + seconds, note(name))
    clock.advance(1000)
    assert [name for name, _ in seen] == ["first", "second", "also second", "third"]
    due = [start + seconds for seconds in (10, 20, 20, 30)]
    if speed:  # it goes on by itself
        assert all(when <= at < when + 60 * 60 for when, (_, at) in zip(due, seen, strict=True))
    else:
        assert [at for _, at in seen] == due
    clock.close()


def test_what_an_action_adds_runs_in_its_turn(clock: Clock) -> None:
    seen: list[float] = []

    def first() -> None:
        clock.call_at(clock.time() + 5, lambda: seen.append(clock.time() - START))

    clock.call_at(START + 10, first)
    clock.call_at(START + 20, lambda: seen.append(clock.time() - START))
    clock.advance(30)
    assert seen == [15, 20]


def test_an_action_whose_time_has_passed_runs_at_once(clock: Clock) -> None:
    ran = threading.Event()
    clock.call_at(START - 10, ran.set)
    assert ran.wait(LONG)


def test_repeated_actions_are_aligned_to_the_epoch(clock: Clock) -> None:
    clock.advance(7)
    seen: list[float] = []
    timer = clock.every(60, lambda: seen.append(clock.time() - START))
    clock.advance(180)
    timer.cancel()
    clock.advance(300)
    assert seen == [60, 120, 180]


def test_a_cancelled_action_does_not_run(clock: Clock) -> None:
    seen: list[int] = []
    clock.call_at(START + 1, lambda: seen.append(1)).cancel()
    later = clock.call_at(START + 2, lambda: seen.append(2))
    clock.call_at(START + 1, later.cancel)
    clock.advance(10)
    assert seen == []


def test_an_action_that_raises_stops_no_other(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[float] = []
    clock.every(10, lambda: seen.append(1 / (clock.time() - START - 10)))
    with caplog.at_level(logging.ERROR):
        clock.advance(20)
    assert seen == [0.1]
    assert "ZeroDivisionError" in caplog.text


def test_actions_may_neither_wait_nor_advance(clock: Clock) -> None:
    errors: list[str] = []

    def wrong() -> None:
        for call in (clock.wait, clock.advance):
            try:
                call(1)
            except RuntimeError as error:
                errors.append(str(error))

    clock.call_at(START, wrong)
    clock.advance(0)
    assert [error.split(" by the clock")[0] for error in errors] == [
        "a timer's action must not wait",
        "a timer's action must not advance",
    ]


def test_actions_run_without_advance_too() -> None:
    clock, ran = Clock(speed=FAST), threading.Event()
    clock.call_at(clock.time() + 10, ran.set)
    assert ran.wait(LONG)
    clock.close()


def test_a_change_of_the_speed_reaches_who_waits(clock: Clock) -> None:
    results: list[bool] = []
    thread = started(lambda: results.append(clock.wait(10)))
    ran = threading.Event()
    clock.call_at(START + 10, ran.set)
    clock.set_speed(FAST)
    thread.join(LONG)
    assert ran.wait(LONG)
    assert results == [False]


@pytest.mark.parametrize("speed", [0.0, 1.0])
def test_a_wait_ends_when_its_event_is_set(speed: float) -> None:
    clock, event = Clock(speed), threading.Event()
    results: list[bool] = []
    thread = started(lambda: results.append(clock.wait(LONG, event)))
    event.set()
    thread.join(LONG)
    assert results == [True]
    assert clock.wait(LONG, event)
    assert not clock.wait(0, threading.Event())


@pytest.mark.parametrize("speed", [0.0, 1.0])
def test_an_advance_ends_a_wait(speed: float) -> None:
    clock, event = Clock(speed), threading.Event()
    participant, results = clock.participant("waiting"), list[bool]()

    def wait() -> None:
        with clock.taking_part(participant):
            results.append(clock.wait(1000, event))

    thread = started(wait)
    clock.advance(1000)
    thread.join(LONG)
    assert results == [False]
    assert not event.is_set()


def test_who_takes_part_wakes_at_the_ends_of_its_waits(clock: Clock) -> None:
    seen: list[tuple[str, float]] = []
    loop = clock.participant("loop")

    def poll() -> None:
        with clock.taking_part(loop):
            for _ in range(3):
                clock.wait(30)
                seen.append(("poll", clock.time() - START))

    thread = started(poll)
    clock.every(60, lambda: seen.append(("timer", clock.time() - START)))
    clock.advance(LONG / 24)
    thread.join(LONG)
    # At the same time the timer comes first: an alarm is evaluated before it is looked at.
    assert seen[:4] == [("poll", 30), ("timer", 60), ("poll", 60), ("poll", 90)]


def test_who_waits_for_the_rest_of_a_time_has_reached_it() -> None:
    clock = Clock(speed=0)  # its time has digits that are rounded
    participant, rests = clock.participant("bake"), list[float]()

    def bake() -> None:
        with clock.taking_part(participant):
            for seconds in (0.1, 600.3, 1e-9, 7.7):
                end = clock.monotonic() + seconds
                while (rest := end - clock.monotonic()) > 0:
                    clock.wait(rest)
                    rests.append(rest)

    thread = started(bake)
    clock.advance(10_000)
    thread.join(60)
    assert not thread.is_alive()
    assert rests == pytest.approx([0.1, 600.3, 1e-9, 7.7])


def test_an_event_set_by_a_participant_hands_the_time_over(clock: Clock) -> None:
    ready, seen = threading.Event(), list[tuple[str, float]]()
    server, user = clock.participant("server"), clock.participant("user")

    def start_up() -> None:
        with clock.taking_part(server):
            clock.wait(300)
            clock.set(ready)

    def use() -> None:
        with clock.taking_part(user):
            clock.wait(1e9, ready)
            seen.append(("ready", clock.time() - START))
            clock.wait(600)
            seen.append(("used", clock.time() - START))

    threads = [started(start_up), started(use)]
    clock.advance(1000)
    for thread in threads:
        thread.join(LONG)
    assert seen == [("ready", 300), ("used", 900)]


def test_it_goes_on_without_a_participant_that_works_for_long(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("kennel.localcloud.clock.waiting.BUSY_SECONDS", 0.01)
    clock.participant("a stuck deployment")
    clock.advance(10)
    assert clock.time() == START + 10
    assert "without a stuck deployment" in caplog.text


def test_many_threads_may_advance_it(clock: Clock) -> None:
    threads = [started(lambda: clock.advance(10)) for _ in range(8)]
    for thread in threads:
        thread.join(LONG)
    assert clock.time() == START + 80


def test_a_snapshot_of_a_driven_clock_goes_on_where_it_stood() -> None:
    clock = Clock(0)
    clock.restore(Kept(START, START + 500, 0))
    assert (clock.time(), clock.speed) == (START, 0)
    assert pickle.loads(pickle.dumps(clock.kept())).epoch == START


def test_a_snapshot_of_another_goes_on_after_what_has_passed() -> None:
    wall = time.time()
    clock = Clock()
    clock.restore(Kept(START, wall - 100, 60))
    assert clock.speed == 60
    assert START + 100 <= clock.time() < START + 100 + 60 * 60
    followed = Clock()
    followed.restore(Kept(wall - 100, wall - 100, 1))
    before = time.time()
    assert before <= followed.time() <= time.time()
