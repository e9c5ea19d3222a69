"""The actions of an alarm: performed by what is registered for their ARNs, and recorded in the history."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.alarm_actions import StateChange, receiver_of
from kennel.localcloud.services.cloudwatch.alarm import Alarm, alarms_of

log = logging.getLogger(__name__)


def act(cloud: Cloud, alarm: Alarm, change: StateChange, actions: Iterable[str]) -> None:
    """Perform actions of an alarm; what fails is in its history, as on AWS, and in the log."""
    alarms = alarms_of(cloud)
    for arn in actions:
        data = {
            "actionState": "Succeeded",
            "stateUpdateTimestamp": int(change.at * 1000),
            "notificationResource": arn,
        }
        try:
            receiver = receiver_of(arn)
            if receiver is None:
                raise AwsError("ValidationError", "The local cloud does not act on this.")
            receiver(cloud, arn, alarm.describe(), change)
            summary = f"Successfully executed action {arn}"
        except Exception as error:  # noqa: BLE001 - an action's failure is the alarm's to report, whatever it is
            message = getattr(error, "message", None) or str(error)
            log.warning("alarm %s: action %s: %s", alarm.name, arn, message)
            data |= {"actionState": "Failed", "error": message}
            summary = f'Failed to execute action {arn}. Received error: "{message}"'
        alarms.note(alarm, "Action", cloud.clock.time(), summary, data)
