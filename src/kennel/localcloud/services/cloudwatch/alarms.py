"""CloudWatch's operations that make, change and remove alarms."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.metrics.store import metric_store
from kennel.localcloud.services.cloudwatch.alarm import Alarm, Alarms, alarms_of
from kennel.localcloud.services.cloudwatch.alarm_settings import check_metric_alarm
from kennel.localcloud.services.cloudwatch.queries import validation_error
from kennel.localcloud.services.cloudwatch.rules import Rule, RuleError, name_of, parse
from kennel.localcloud.services.cloudwatch.state_changes import change_state, evaluate_composite, in_cycle

# What AWS shows of an alarm that was put without it.
DEFAULTS: dict[str, Any] = {
    "ActionsEnabled": True,
    "OKActions": [],
    "AlarmActions": [],
    "InsufficientDataActions": [],
}
SUPPRESSION_PERIODS = ("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
# How moto's record of an alarm is made, which keeps its tags and is what the tagging API lists.
_RECORD: dict[str, Any] = dict.fromkeys(
    (
        "namespace",
        "metric_name",
        "comparison_operator",
        "evaluation_periods",
        "period",
        "threshold",
        "statistic",
        "description",
    )
)


@operation("cloudwatch", "PutMetricAlarm")
def put_metric_alarm(call: Call) -> dict[str, Any]:
    """Make a metric alarm, or replace its settings; a new one has no state until it is first evaluated."""
    check_metric_alarm(call.parameters, metric_store(call.cloud))
    parameters = {**DEFAULTS, **call.parameters}
    if not parameters.get("Metrics"):
        parameters.setdefault("Dimensions", [])
    _put(call, parameters, None)
    return {}


@operation("cloudwatch", "PutCompositeAlarm")
def put_composite_alarm(call: Call) -> dict[str, Any]:
    """Make a composite alarm, or replace its settings, and evaluate it."""
    parameters = call.parameters
    try:
        rule = parse(parameters["AlarmRule"])
    except RuleError as error:
        raise validation_error(str(error)) from error
    alarms = alarms_of(call.cloud)
    missing = sorted(
        name for name in rule.alarms() if name not in alarms.by_name and name != parameters["AlarmName"]
    )
    if missing:
        raise validation_error(
            f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not "
            "exist"
        )
    _check_suppressor(alarms, parameters)
    alarm = _put(call, {**DEFAULTS, **parameters}, rule)
    if not in_cycle(alarms, alarm):
        evaluate_composite(call.cloud, alarm)
    return {}


def _check_suppressor(alarms: Alarms, parameters: dict[str, Any]) -> None:
    suppressor = parameters.get("ActionsSuppressor")
    for name in SUPPRESSION_PERIODS:
        if (parameters.get(name) is None) == bool(suppressor):
            raise validation_error(f"{name} must be specified if, and only if, ActionsSuppressor is.")
    if suppressor and name_of(suppressor) not in alarms.by_name:
        raise validation_error(f"The alarm {suppressor} that is to suppress actions does not exist.")


def _put(call: Call, parameters: dict[str, Any], rule: Rule | None) -> Alarm:
    name, now, alarms = parameters["AlarmName"], call.cloud.clock.time(), alarms_of(call.cloud)
    with alarms.lock:
        alarm = alarms.by_name.get(name)
        if alarm is None:
            alarm = Alarm(
                call.arn(f"alarm:{name}"), parameters, now, rule, updated_at=now, transitioned_at=now
            )
            alarms.by_name[name] = alarm
            call.backend().put_metric_alarm(
                name=name, dimensions=[], alarm_actions=[], tags=parameters.get("Tags"), **_RECORD
            )
            verb = "created"
        elif (alarm.rule is None) != (rule is None):
            other = "MetricAlarm" if rule else "CompositeAlarm"
            raise validation_error(f"The alarm {name} exists as a {other}: delete it first.")
        else:
            alarm.parameters, alarm.rule, alarm.configured_at = parameters, rule, now
            verb = "updated"
        settings = {name: value for name, value in parameters.items() if name != "Tags"}
        alarms.note(
            alarm, "ConfigurationUpdate", now, f'Alarm "{name}" {verb}', {"type": verb.title(), **settings}
        )
    return alarm


@operation("cloudwatch", "DeleteAlarms")
def delete_alarms(call: Call) -> dict[str, Any]:
    """Delete alarms; one that a composite alarm needs stays, and with it all others of the request."""
    names, alarms = call.parameters["AlarmNames"], alarms_of(call.cloud)
    with alarms.lock:
        for name in names:
            above = [alarm for alarm in alarms.by_name.values() if alarm.rule and name in alarm.rule.alarms()]
            if any(alarm.name not in names or in_cycle(alarms, alarm) for alarm in above):
                raise validation_error(
                    f"Cannot delete {name} because there are primary composite alarms depending on it."
                )
        for name in names:
            alarm = alarms.by_name.pop(name, None)
            if alarm:
                now = call.cloud.clock.time()
                alarms.note(alarm, "ConfigurationUpdate", now, f'Alarm "{name}" deleted', {"type": "Delete"})
    backend = call.backend()
    for name in names:
        backend.tagger.delete_all_tags_for_resource(call.arn(f"alarm:{name}"))
    backend.delete_alarms(names)
    return {}


@operation("cloudwatch", "SetAlarmState")
def set_alarm_state(call: Call) -> dict[str, Any]:
    """Put an alarm into a state, with what it does then; the next evaluations bring it back to its own."""
    parameters, alarms = call.parameters, alarms_of(call.cloud)
    alarm = _existing(alarms, parameters["AlarmName"])
    state, data = parameters["StateValue"], parameters.get("StateReasonData")
    if state not in ("OK", "ALARM", "INSUFFICIENT_DATA"):
        raise validation_error(
            f"1 validation error detected: Value '{state}' at 'stateValue' failed to satisfy constraint: "
            "Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
        )
    if data is not None:
        try:
            json.loads(data)
        except ValueError as error:
            raise AwsError("InvalidFormat", f"StateReasonData is no valid JSON: {error}") from error
    change_state(call.cloud, alarm, state, parameters["StateReason"], data, by_hand=True)
    return {}


def _existing(alarms: Alarms, name: str) -> Alarm:
    alarm = alarms.by_name.get(name)
    if alarm is None:
        raise AwsError("ResourceNotFound", f"Alarm {name} does not exist", 404)
    return alarm


@operation("cloudwatch", "EnableAlarmActions", "DisableAlarmActions")
def enable_actions(call: Call) -> dict[str, Any]:
    """Let alarms act, or not, when their states change."""
    alarms, now = alarms_of(call.cloud), call.cloud.clock.time()
    enabled = call.operation == "EnableAlarmActions"
    with alarms.lock:
        for name in call.parameters["AlarmNames"]:
            alarm = alarms.by_name.get(name)
            if alarm:
                alarm.parameters = {**alarm.parameters, "ActionsEnabled": enabled}
                alarm.configured_at = now
                word = "enabled" if enabled else "disabled"
                alarms.note(
                    alarm, "ConfigurationUpdate", now, f'Actions of alarm "{name}" {word}', {"type": "Update"}
                )
    return {}
