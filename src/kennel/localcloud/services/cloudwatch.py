"""CloudWatch: composite alarms."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation


@operation("cloudwatch", "PutCompositeAlarm")
def put_composite_alarm(call: Call) -> dict[str, Any]:
    """Keep a composite alarm in moto's form, which its DescribeAlarms reads: an alarm with a rule."""
    parameters = call.parameters
    call.backend().put_metric_alarm(
        name=parameters["AlarmName"],
        namespace=None,
        metric_name=None,
        metric_data_queries=[],
        comparison_operator=None,
        evaluation_periods=None,
        period=None,
        threshold=None,
        statistic=None,
        description=parameters.get("AlarmDescription"),
        dimensions=[],
        alarm_actions=parameters.get("AlarmActions", []),
        ok_actions=parameters.get("OKActions", []),
        insufficient_data_actions=parameters.get("InsufficientDataActions", []),
        actions_enabled=parameters.get("ActionsEnabled", True),
        rule=parameters["AlarmRule"],
        tags=parameters.get("Tags"),
    )
    return {}
