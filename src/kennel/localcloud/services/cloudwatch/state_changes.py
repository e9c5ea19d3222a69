"""Changes of alarms' states: recorded, acted upon, and passed on to the composite alarms above."""

from __future__ import annotations

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.alarm_actions import StateChange
from kennel.localcloud.services.cloudwatch.alarm import Alarm, Alarms, Version, alarms_of, timestamp
from kennel.localcloud.services.cloudwatch.suppression import act_unless_suppressed, suppressor_changed


def change_state(
    cloud: Cloud,
    alarm: Alarm,
    state: str,
    reason: str,
    reason_data: str | None = None,
    *,
    by_hand: bool = False,
    seen: Version | None = None,
) -> bool:
    """Put an alarm into a state: record it, act, and evaluate the composite alarms whose rules name it.

    Only a change of the state itself is recorded and acted upon, and nothing is done to a deleted alarm.

    Parameters
    ----------
    by_hand
        Whether SetAlarmState sets it.
    seen
        What the state was concluded from: if the alarm was changed meanwhile, nothing is done.

    Returns
    -------
    Whether the alarm is as it was seen.
    """
    alarms, now = alarms_of(cloud), cloud.clock.time()
    with alarms.lock:
        if not alarms.has(alarm) or (seen is not None and seen != alarm.version):
            return False
        alarm.set_at = now if by_hand else None
        before, old = alarm.state_document(), alarm.state
        if state == old and seen is not None:
            return True
        alarm.state, alarm.reason, alarm.reason_data = state, reason, reason_data
        alarm.updated_at = now
        if state == old:
            return True
        alarm.transitioned_at = now
        data = {"oldState": before, "newState": alarm.state_document()}
        alarms.note(alarm, "StateUpdate", now, f"Alarm updated from {old} to {state}", data)
    cloud.changes.note()
    act_unless_suppressed(cloud, alarm, StateChange(old, state, reason, now))
    suppressor_changed(cloud, alarm)
    evaluate_composites(cloud, {alarm.name}, alarm)
    return True


def evaluate_composites(cloud: Cloud, changed: set[str], cause: Alarm | None = None) -> None:
    """Evaluate the composite alarms whose rules name alarms that changed, and those above them.

    Composite alarms that depend on themselves are not evaluated, as on AWS.

    Parameters
    ----------
    changed
        The names of alarms.
    cause
        The alarm that changed, for the reason.
    """
    alarms = alarms_of(cloud)
    with alarms.lock:
        due = [
            alarm
            for alarm in alarms.by_name.values()
            if alarm.rule and changed & alarm.rule.alarms() and not in_cycle(alarms, alarm)
        ]
    for alarm in due:
        evaluate_composite(cloud, alarm, cause)


def evaluate_composite(cloud: Cloud, alarm: Alarm, cause: Alarm | None = None) -> None:
    """Evaluate one composite alarm: it is in ALARM if its rule holds, else OK."""
    alarms = alarms_of(cloud)
    assert alarm.rule is not None
    with alarms.lock:
        states = {name: child.state for name, child in alarms.by_name.items()}
        state, seen = "ALARM" if alarm.rule.holds(states.get) else "OK", alarm.version
        if state == alarm.state:
            return
        now = timestamp(cloud.clock.time())
        if cause is None:
            reason = f"{alarm.arn} was created and its alarm rule evaluates to {state}"
        else:
            reason = f"{cause.arn} transitioned to {cause.state} at {now:%A %d %B, %Y %H:%M:%S} UTC"
    change_state(cloud, alarm, state, reason, seen=seen)


def in_cycle(alarms: Alarms, alarm: Alarm) -> bool:
    """Return whether a composite alarm depends, however indirectly, on itself."""
    reached: set[str] = set()
    names = set(alarm.rule.alarms()) if alarm.rule else set()
    while names:
        if alarm.name in names:
            return True
        reached |= names
        children = [alarms.by_name[name] for name in names if name in alarms.by_name]
        names = set().union(*(child.rule.alarms() for child in children if child.rule)) - reached
    return False
