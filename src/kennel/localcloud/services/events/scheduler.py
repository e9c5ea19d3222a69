"""The Scheduler's operations that make and change schedules; moto keeps the records."""

from __future__ import annotations

from kennel.capacity.scaling.schedules import ScheduleError, parse
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.events.schedules import check_target
from kennel.localcloud.services.events.timetable import note_schedule


@operation("scheduler", "CreateSchedule", "UpdateSchedule")
def put_schedule(call: Call) -> Response:
    """Make or change a schedule, which counts from now on."""
    parameters = call.parameters
    check_target(parameters["Target"])
    try:
        parse(parameters["ScheduleExpression"], parameters.get("ScheduleExpressionTimezone"))
    except ScheduleError as error:
        raise AwsError("ValidationException", f"Invalid Schedule Expression: {error}", 400) from error
    response = call.ask_moto()
    if response.ok:
        note_schedule(call.cloud, parameters.get("GroupName") or "default", parameters["Name"])
    return response
