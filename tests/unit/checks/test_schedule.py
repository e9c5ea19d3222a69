"""Checks run side by side, in their order, and one that fails stops no other."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kennel.checks import schedule
from kennel.checks.check import Check, CheckResult, Progress
from kennel.checks.programs import Programs


class Display:
    """Records the checks that begin, and those that fail."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.failed: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Progress]:
        self.begun.append(name)
        try:
            yield lambda line: None
        except Exception:
            self.failed.append(name)
            raise


@pytest.fixture
def display() -> Display:
    return Display()


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def check(name: str, *, ok: bool = True, after: tuple[str, ...] = ()) -> Check:
    return Check(name, lambda progress: CheckResult(ok, f"output of {name}"), after)


def test_a_check_that_fails_keeps_no_other_from_running(display: Display, programs: Programs) -> None:
    checks = [check("a", ok=False), check("b"), check("c", after=("a",))]

    outcomes = schedule.run(checks, programs, display, lanes=1)

    assert [(outcome.name, outcome.ok) for outcome in outcomes] == [("a", False), ("b", True), ("c", True)]
    assert display.begun == ["a", "b", "c"]
    assert display.failed == ["a"]
    assert outcomes[0].result.output == "output of a"


def test_a_check_whose_program_is_not_there_fails_and_says_which(
    display: Display, programs: Programs
) -> None:
    absent = Check("absent", lambda progress: programs.run("absent", ["no-such-program"], progress=progress))

    absence, other = schedule.run([absent, check("other")], programs, display)

    assert not absence.ok
    assert "no-such-program" in absence.result.output
    assert other.ok


def test_a_checks_processor_time_is_that_of_its_thread_and_its_programs(
    display: Display, programs: Programs
) -> None:
    def work(progress: Progress) -> CheckResult:
        started = time.thread_time()
        while time.thread_time() < started + 0.2:
            pass
        return CheckResult(True, processor_seconds=40.0)

    (outcome,) = schedule.run([Check("busy", work)], programs, display)

    assert outcome.processor_seconds >= 40.2


def test_as_many_run_at_a_time_as_there_are_lanes(display: Display, programs: Programs) -> None:
    meeting = threading.Barrier(2, timeout=20)  # passes only if two checks wait at it at a time

    def meet(progress: Progress) -> CheckResult:
        meeting.wait()
        return CheckResult(True)

    outcomes = schedule.run([Check("a", meet), Check("b", meet)], programs, display, lanes=2)

    assert [outcome.ok for outcome in outcomes] == [True, True]


def test_a_check_begins_when_those_that_it_waits_for_have_ended(display: Display, programs: Programs) -> None:
    ended: list[str] = []

    def work(name: str) -> Check:
        def run(progress: Progress) -> CheckResult:
            before = sorted(ended)
            ended.append(name)
            return CheckResult(True, " ".join(before))

        return Check(name, run, after=("a", "b") if name == "last" else ())

    outcomes = schedule.run([work("last"), work("a"), work("b")], programs, display, lanes=3)

    assert [outcome.name for outcome in outcomes] == ["last", "a", "b"]
    assert outcomes[0].result.output == "a b"


def test_an_interruption_ends_the_programs_that_run(display: Display, programs: Programs) -> None:
    started = threading.Event()

    def wait_for_ever(progress: Progress) -> CheckResult:
        command = [
            sys.executable,
            "-c",
            "import threading; print('begun', flush=True); threading.Event().wait()",
        ]

        def begun(line: str) -> None:
            if line == "begun":
                started.set()

        return programs.run("endless", command, progress=begun)

    def interrupt(progress: Progress) -> CheckResult:
        assert started.wait(30)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        schedule.run([Check("endless", wait_for_ever), Check("interrupt", interrupt)], programs, display)

    assert display.failed == ["endless"]
