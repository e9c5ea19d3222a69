"""A target tracking policy at work on one resource: datapoints in, capacities out."""

from __future__ import annotations

from collections import deque

from kennel.capacity.scaling.alarms import ACTION_SECONDS, ALARM, INSUFFICIENT_DATA, AlarmRule, next_state
from kennel.capacity.scaling.cooldowns import Memory
from kennel.capacity.scaling.decision import Decision
from kennel.capacity.scaling.target_tracking import TargetTracking, decide


class AlarmRun:
    """One alarm under evaluation: its state, and when its action is due.

    Parameters
    ----------
    rule
        When it changes its state.
    """

    def __init__(self, rule: AlarmRule) -> None:
        self.rule, self.state = rule, INSUFFICIENT_DATA

    def evaluate(self, datapoints: list[float | None], now: float) -> bool:
        """Evaluate it once, and return whether its Auto Scaling action is invoked.

        It is when the alarm goes to ALARM, and at each whole minute while it stays there.
        """
        before, (self.state, _) = self.state, next_state(self.rule, self.state, datapoints)
        return self.state == ALARM and (before != ALARM or round(now) % ACTION_SECONDS == 0)


class Tracker:
    """The scaling of one resource by one policy; the caller applies the capacities.

    Parameters
    ----------
    policy
        The policy, with the bounds.
    capacity
        What the resource has at first.
    """

    def __init__(self, policy: TargetTracking, capacity: int) -> None:
        self.policy, self.capacity, self.memory = policy, capacity, Memory()
        self.high, self.low = AlarmRun(policy.high_alarm), AlarmRun(policy.low_alarm)
        self._datapoints: deque[float | None] = deque(maxlen=policy.low_alarm.range_periods)

    def datapoint(self, value: float | None, now: float) -> Decision | None:
        """Take the datapoint of the period that has just ended.

        Parameters
        ----------
        value
            The metric, or None where there is no data.
        now
            The end of the period, seconds since the epoch, or since another whole minute. Periods follow
            each other without a gap.

        Returns
        -------
        Another capacity to apply from now on: the caller calls `completed` once it serves. None if nothing
        changes.
        """
        self._datapoints.append(value)
        recent = list(self._datapoints)
        due = [run.evaluate(recent, now) for run in (self.high, self.low)]
        newest = next((each for each in reversed(recent) if each is not None), None)
        if not any(due) or newest is None or self.memory.under_way:
            return None
        decision = decide(self.policy, self.memory, newest, self.capacity, now)
        if decision:
            scales_out = decision.capacity > self.capacity
            cooldown = self.policy.scale_out_cooldown if scales_out else self.policy.scale_in_cooldown
            self.memory.began(self.capacity, decision.capacity, cooldown, now)
            self.capacity = decision.capacity
        return decision

    def completed(self, now: float) -> None:
        """Note that the last capacity serves; its cooldown begins."""
        self.memory.completed(now)
