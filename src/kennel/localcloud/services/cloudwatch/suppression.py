"""The suppressor of a composite alarm: another alarm that, while it is in ALARM, keeps this one from acting.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
"""

from __future__ import annotations

from dataclasses import replace

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.alarm_actions import StateChange
from kennel.localcloud.services.cloudwatch.acting import act
from kennel.localcloud.services.cloudwatch.alarm import Alarm, Suppression, alarms_of
from kennel.localcloud.services.cloudwatch.rules import name_of

WAIT, EXTENSION, SUPPRESSED = "WaitPeriod", "ExtensionPeriod", "Alarm"


def suppressor_of(alarm: Alarm) -> str | None:
    """Return the name of an alarm's suppressor."""
    name = alarm.parameters.get("ActionsSuppressor")
    return name_of(name) if name else None


def act_unless_suppressed(cloud: Cloud, alarm: Alarm, change: StateChange) -> None:
    """Perform what an alarm does after a change, now or once nothing suppresses it any more.

    A change that is taken back meanwhile is not acted upon.
    """
    alarms, name = alarms_of(cloud), suppressor_of(alarm)
    with alarms.lock:
        suppressor = alarms.by_name.get(name) if name else None
        if alarm.suppression:  # an earlier change is not acted upon yet: both are one
            change = replace(change, old=alarm.suppression.change.old)
            back = change.new == change.old
            alarm.suppression = None if back else replace(alarm.suppression, change=change)
            return
        if suppressor and suppressor.state == "ALARM":
            alarm.suppression = Suppression(SUPPRESSED, change)
            return
    if name and change.new == "ALARM":
        _wait(cloud, alarm, Suppression(WAIT, change), "ActionsSuppressorWaitPeriod")
    else:
        act(cloud, alarm, change, alarm.actions(change.new))


def suppressor_changed(cloud: Cloud, suppressor: Alarm) -> None:
    """Suppress the actions of the alarms that an alarm suppresses, or begin to let them act again."""
    alarms = alarms_of(cloud)
    with alarms.lock:
        waiting = [alarm for alarm in alarms.by_name.values() if suppressor_of(alarm) == suppressor.name]
    for alarm in waiting:
        suppression = alarm.suppression
        if suppression is None:
            continue
        if suppressor.state == "ALARM":
            alarm.suppression = Suppression(SUPPRESSED, suppression.change)
        elif suppression.by == SUPPRESSED:
            _wait(
                cloud, alarm, Suppression(EXTENSION, suppression.change), "ActionsSuppressorExtensionPeriod"
            )


def _wait(cloud: Cloud, alarm: Alarm, suppression: Suppression, member: str) -> None:
    until = cloud.clock.time() + int(alarm.parameters.get(member) or 0)
    alarm.suppression = replace(suppression, until=until)
    if until <= cloud.clock.time():
        _release(cloud, alarm, until)
    else:
        wait_on(cloud, alarm)


def wait_on(cloud: Cloud, alarm: Alarm) -> None:
    """Let an alarm act when the time of its suppression ends."""
    until = alarm.suppression.until if alarm.suppression else None
    if until is not None:
        cloud.clock.call_at(until, lambda: _release(cloud, alarm, until))


def _release(cloud: Cloud, alarm: Alarm, until: float) -> None:
    with alarms_of(cloud).lock:
        suppression = alarm.suppression
        if suppression is None or suppression.until != until or not alarms_of(cloud).has(alarm):
            return  # it was suppressed anew, the change was taken back, or the alarm was deleted
        alarm.suppression = None
    act(cloud, alarm, suppression.change, alarm.actions(suppression.change.new))
