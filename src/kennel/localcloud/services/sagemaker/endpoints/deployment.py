"""One deployment under way: the new fleet comes up, takes the traffic in steps, and stays or goes again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kennel.localcloud.services.sagemaker.endpoints.alarm_watch import RollbackRequiredError, Watch
from kennel.localcloud.services.sagemaker.endpoints.fleet import Fleet
from kennel.localcloud.services.sagemaker.endpoints.rollout import BatchSize, Rollout
from kennel.localcloud.services.sagemaker.endpoints.traffic import Traffic
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import FleetError

POLL_SECONDS = 1.0  # between two looks at the alarms; AWS does not publish its own
ALARM_SECONDS = 10.0  # the shortest period of an alarm: a clock faster than the wall's looks as often


class _AbandonedError(Exception):
    """The endpoint was deleted meanwhile."""


@dataclass
class Deployment:
    """Replaces the fleet that serves, if there is one, by another.

    Attributes
    ----------
    rollout, watch
        What to do once the new fleet has come up, and what is asked meanwhile.
    serving
        The traffic as it is; None when an endpoint is created.
    new
        The fleet to bring up.
    route
        Takes each state of the traffic.
    report
        Takes each stage: a VariantStatus of AWS's, Creating, ActivatingTraffic, Baking or Deleting.
    wait
        Waits so many seconds; returns True as soon as the endpoint is deleted.
    now
        A clock, seconds.
    poll_seconds
        Between two looks at the alarms.
    reason
        Why it did not succeed; empty if it did.
    mixed
        Whether the roll-back itself failed, so that instances of both fleets serve.
    """

    rollout: Rollout
    watch: Watch
    serving: Traffic | None
    new: Fleet
    route: Callable[[Traffic], None]
    report: Callable[[str], None]
    wait: Callable[[float], bool]
    now: Callable[[], float] = time.monotonic
    poll_seconds: float = POLL_SECONDS
    reason: str = ""
    mixed: bool = False
    _until: float = field(default=float("inf"), init=False)
    _before: dict[str, int] = field(default_factory=dict, init=False)  # the old fleet's instances

    @property
    def old(self) -> Fleet | None:
        """The fleet that served before."""
        return self.serving.fleet if self.serving else None

    def run(self) -> bool:
        """Carry it out; return whether the new fleet serves now, alone."""
        if self.rollout.limit_seconds is not None:
            self._until = self.now() + self.rollout.limit_seconds
        try:
            self._check()
            self.report("Creating")
            self._before = self.old.counts() if self.old else {}
            if self.old and self.rollout.batch:
                self._roll(self.old, self.rollout.batch)
            else:
                self.new.start()
                self._shift()
        except _AbandonedError:
            self.reason = "The endpoint was deleted."
        except (FleetError, RollbackRequiredError) as error:
            self.reason = str(error)
            self._roll_back()
        return not self.reason

    def _shift(self) -> None:
        """Blue/green: give the new fleet its share of the traffic step by step."""
        if self.old is None:
            self.route(Traffic(self.new))
            return
        for share in self.rollout.shares:
            self._check()
            self.report("ActivatingTraffic")
            self.route(Traffic(self.old, self.new, share))
            self._bake(self.rollout.bake_seconds)
        self._bake(self.rollout.termination_seconds)

    def _roll(self, old: Fleet, batch: BatchSize) -> None:
        """Rolling: replace instances batch by batch."""
        before, total = self._before, self.new.wanted()
        placed = {name: batch.of(count) for name, count in total.items()}
        self.new.start(placed)
        while True:
            share = sum(placed.values()) / sum(total.values())
            self._check()
            self.report("ActivatingTraffic")
            self.route(Traffic(old, self.new, share))
            self._bake(self.rollout.bake_seconds)
            old.scale({name: count - int(count * share) for name, count in before.items()})
            if placed == total:
                return
            self.report("Creating")
            placed = {name: min(count, placed[name] + batch.of(count)) for name, count in total.items()}
            self.new.scale(placed)
            self.new.wait()

    def _roll_back(self) -> None:
        """Give the old fleet all traffic again; a rolling update first starts what was terminated."""
        if self.serving is None:
            return
        try:
            if self.rollout.batch:
                self._restore(self.serving.fleet, self.rollout.rollback_batch)
        except FleetError as error:
            self.mixed = True
            self.reason = f"{self.reason} The roll-back failed as well: {error}"
            return
        except _AbandonedError:
            return
        self.route(self.serving)
        self.report("Deleting")

    def _restore(self, old: Fleet, batch: BatchSize) -> None:
        """Bring a rolling update's old instances back, batch by batch."""
        total = self._before
        while (counts := old.counts()) != total:
            back = {name: min(count, counts[name] + batch.of(count)) for name, count in total.items()}
            old.scale(back)
            old.wait()
            if self.wait(0):
                raise _AbandonedError
            share = 1 - sum(back.values()) / sum(total.values())
            self.route(Traffic(old, self.new, share))

    def _bake(self, seconds: float) -> None:
        """Watch the alarms for a time."""
        if not seconds:
            self._check()
            return
        self.report("Baking")
        end = self.now() + seconds
        while True:
            self._check()
            remaining = end - self.now()
            if remaining <= 0:
                return
            if self.wait(min(self.poll_seconds, remaining)):
                raise _AbandonedError

    def _check(self) -> None:
        if self.wait(0):
            raise _AbandonedError
        self.watch.check()
        if self.now() > self._until:
            raise RollbackRequiredError(
                f"The deployment exceeded its maximum execution timeout of {self.rollout.limit_seconds:.0f} "
                "seconds and was rolled back."
            )
