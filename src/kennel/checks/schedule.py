"""Runs checks side by side: many of them wait for Terraform, or use one core."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from typing import Protocol

from kennel.checks.check import Check, CheckOutcome, CheckResult, Progress
from kennel.checks.programs import Programs

LANES = 3  # on two cores: one lane mostly waits for Terraform


class Display(Protocol):
    """Shows which checks run."""

    def step(self, name: str) -> AbstractContextManager[Progress]:
        """Show one check while the context lasts; an exception means that it failed."""


class _CheckFailedError(Exception):
    """Carries a failed check out of the display's context."""


def run(
    checks: list[Check], programs: Programs, display: Display, *, lanes: int = LANES
) -> list[CheckOutcome]:
    """Run checks in their order, several at a time; one that fails does not keep the others from running.

    Parameters
    ----------
    checks
        In the order in which they begin; each is named once, and after the checks that it waits for.
    programs
        Where the checks start their programs; an interruption ends these.
    lanes
        How many run at a time.

    Returns
    -------
    The outcomes, in the order of the checks.
    """
    waiting, running = list(checks), dict[Future[CheckOutcome], Check]()
    outcomes: dict[str, CheckOutcome] = {}
    with ThreadPoolExecutor(lanes) as pool:
        try:
            while waiting or running:
                ready = [check for check in waiting if outcomes.keys() >= set(check.after)]
                for check in ready[: lanes - len(running)]:
                    waiting.remove(check)
                    running[pool.submit(_run, check, display)] = check
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcomes[running.pop(future).name] = future.result()
        except BaseException:
            programs.stop()
            raise
    return [outcomes[check.name] for check in checks]


def _run(check: Check, display: Display) -> CheckOutcome:
    started, processor_started = time.monotonic(), time.thread_time()
    with contextlib.suppress(_CheckFailedError), display.step(check.name) as progress:
        try:
            result = check.run(progress)
        except OSError as error:  # its program is not there
            result = CheckResult(False, str(error))
        if not result.ok:
            raise _CheckFailedError
    processor_seconds = time.thread_time() - processor_started + result.processor_seconds
    return CheckOutcome(check.name, round(time.monotonic() - started, 1), round(processor_seconds, 1), result)
