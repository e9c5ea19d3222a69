"""What acts when an alarm changes its state: services register themselves for the actions' ARNs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud


@dataclass(frozen=True)
class StateChange:
    """An alarm's way from one state to another.

    Attributes
    ----------
    old, new
        ``OK``, ``ALARM`` or ``INSUFFICIENT_DATA``. They are the same when an alarm invokes an action of Auto
        Scaling again, as it does once a minute for as long as it stays in the state.
    reason
        In AWS's words.
    at
        When, in seconds since the epoch by the cloud's clock.
    """

    old: str
    new: str
    reason: str
    at: float


# An action gets the cloud, the action's ARN, the alarm as DescribeAlarms shows it, and the change. It runs on
# the clock's thread: whatever takes long goes to a thread of its own.
AlarmAction = Callable[[Cloud, str, "dict[str, Any]", StateChange], None]

_receivers: dict[str, AlarmAction] = {}


def receives(prefix: str) -> Callable[[AlarmAction], AlarmAction]:
    """Register the decorated function for actions whose ARNs begin with a prefix.

    It raises what it cannot do: the alarm's history then says so.

    Raises
    ------
    ValueError
        Another function receives them already.
    """

    def register(action: AlarmAction) -> AlarmAction:
        if _receivers.setdefault(prefix, action) is not action:
            raise ValueError(f"actions of {prefix} are received already")
        return action

    return register


def receiver_of(arn: str) -> AlarmAction | None:
    """Return what receives an action; the longest prefix counts. None if nothing does."""
    prefixes = [prefix for prefix in _receivers if arn.startswith(prefix)]
    return _receivers[max(prefixes, key=len)] if prefixes else None
