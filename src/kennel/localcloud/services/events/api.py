"""EventBridge's operations that make something happen: events are routed, rules run by the clock."""

from __future__ import annotations

import json
from typing import Any

from kennel.capacity.scaling.schedules import ScheduleError, parse
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import describe, refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.events.delivery import check_target, event_of, route
from kennel.localcloud.services.events.input import InputPathError, at_path
from kennel.localcloud.services.events.timetable import note_rule

MOST_ENTRIES = 10
LARGEST_ENTRY = 262_144  # bytes
REQUIRED = ("Source", "DetailType", "Detail")

describe(
    "events",
    "events of PutEvents reach the targets of matching rules, and scheduled rules run by the cloud's clock: "
    "functions, queues, topics and other buses, with their policies or the target's role, inputs, retries "
    "and dead letters; of AWS's services only S3 sends events of its own",
)
refuse(
    "events",
    "no event is kept or sent again; put it once more",
    *("CreateArchive", "StartReplay", "UpdateArchive"),
)
refuse(
    "events",
    "nothing is called outside; let a function call it",
    *("CreateApiDestination", "CreateConnection", "UpdateApiDestination", "UpdateConnection"),
)


@operation("events", "PutEvents")
def put_events(call: Call) -> dict[str, Any]:
    """Take events, and deliver those that rules match."""
    entries = call.parameters["Entries"]
    if len(entries) > MOST_ENTRIES:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have "
            f"length less than or equal to {MOST_ENTRIES}",
        )
    results = [_put(call, entry) for entry in entries]
    return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}


def _put(call: Call, entry: dict[str, Any]) -> dict[str, str]:
    missing = next((name for name in REQUIRED if not entry.get(name)), None)
    if missing:
        message = f"Parameter {missing} is not valid. Reason: {missing} is a required argument."
        return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    if len(json.dumps(entry, default=str).encode()) > LARGEST_ENTRY:
        raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
    kind, resources = entry["DetailType"], entry.get("Resources", [])
    event = event_of(call.cloud, entry["Source"], kind, resources, detail, entry.get("Time"))
    route(call.cloud, (entry.get("EventBusName") or "default").split("/")[-1], event)
    return {"EventId": event["id"]}


@operation("events", "PutRule")
def put_rule(call: Call) -> Response:
    """Make a rule, or replace it; one with a schedule runs from now on."""
    expression = call.parameters.get("ScheduleExpression")
    if expression:
        try:
            parse(expression)
        except ScheduleError as error:
            raise _not_valid("ScheduleExpression") from error
        if expression.startswith("at("):
            raise _not_valid("ScheduleExpression")
        if call.parameters.get("EventPattern"):
            raise AwsError(
                "ValidationException",
                "The local cloud has no rule with both a schedule and a pattern: make two.",
            )
    response = call.ask_moto()
    if response.ok:
        note_rule(call.cloud, call.parameters["Name"])
    return response


def _not_valid(parameter: str) -> AwsError:
    return AwsError("ValidationException", f"Parameter {parameter} is not valid.")


@operation("events", "PutTargets")
def put_targets(call: Call) -> Response:
    """Give a rule targets; those that would get nothing are refused."""
    for target in call.parameters["Targets"]:
        check_target(target)
        paths = [target.get("InputPath"), *(_paths_map(target).values())]
        try:
            for path in paths:
                at_path({}, path or "$")
        except InputPathError as error:
            raise AwsError("ValidationException", f"Invalid InputPath: {error}") from error
    return call.ask_moto()


def _paths_map(target: dict[str, Any]) -> dict[str, str]:
    return (target.get("InputTransformer") or {}).get("InputPathsMap") or {}
