"""Commands and their invocations as Systems Manager's operations show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kennel.localcloud.services.ssm.command_invocation import CommandInvocation

DOCUMENT, PLUGIN = "AWS-RunShellScript", "aws:runShellScript"
LONGEST_BOTH = 2_500
TRUNCATED = "\n---Output truncated---"
DELIVERY_TIMEOUT = 3_600
# The members of SendCommand's parameters that ListCommands shows as they are.
SHOWN_PARAMETERS = (
    "OutputS3BucketName",
    "OutputS3KeyPrefix",
    "CloudWatchOutputConfig",
    "Targets",
    "Parameters",
)


@dataclass
class SentCommand:
    """A command as its sender sees it."""

    id: str
    parameters: dict[str, Any]
    instances: list[str]
    execution_timeout: float
    requested_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def describe_command(command: SentCommand, invocations: list[CommandInvocation]) -> dict[str, Any]:
    """Return a command as SendCommand and ListCommands show it."""
    parameters = command.parameters
    status = _combined_status(invocation.status for invocation in invocations)
    delivery = parameters.get("TimeoutSeconds") or DELIVERY_TIMEOUT
    return {
        **{name: parameters[name] for name in SHOWN_PARAMETERS if parameters.get(name)},
        **_common_members(command),
        "CommandId": command.id,
        "InstanceIds": parameters.get("InstanceIds") or [],
        "RequestedDateTime": command.requested_at,
        "ExpiresAfter": command.requested_at + timedelta(seconds=delivery + command.execution_timeout),
        "Status": status,
        "StatusDetails": status,
        "TimeoutSeconds": delivery,
        "MaxConcurrency": parameters.get("MaxConcurrency", "50"),
        "MaxErrors": parameters.get("MaxErrors", "0"),
        "TargetCount": len(invocations),
        "CompletedCount": sum(invocation.ended for invocation in invocations),
        "ErrorCount": sum(invocation.status in ("Failed", "TimedOut") for invocation in invocations),
        "DeliveryTimedOutCount": 0,
    }


def describe_invocation(command: SentCommand, invocation: CommandInvocation) -> dict[str, Any]:
    """Return an invocation as GetCommandInvocation shows it; AWS shows no output before the end."""
    return {
        **_common_members(command),
        "CommandId": command.id,
        "InstanceId": invocation.instance,
        "PluginName": PLUGIN,
        "ResponseCode": invocation.response_code,
        "ExecutionStartDateTime": _timestamp(invocation.started_at),
        "ExecutionElapsedTime": _elapsed(invocation) if invocation.ended else "",
        "ExecutionEndDateTime": _timestamp(invocation.ended_at),
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputContent": invocation.stdout if invocation.ended else "",
        "StandardOutputUrl": "",
        "StandardErrorContent": invocation.stderr if invocation.ended else "",
        "StandardErrorUrl": "",
    }


def list_invocation(command: SentCommand, invocation: CommandInvocation, details: bool) -> dict[str, Any]:
    """Return an invocation as ListCommandInvocations shows it, with its plugin if `details` are asked for."""
    entry = {
        **_common_members(command),
        "CommandId": command.id,
        "InstanceId": invocation.instance,
        "RequestedDateTime": invocation.requested_at,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "CommandPlugins": [],
    }
    if details:
        plugin: dict[str, Any] = {
            "Name": PLUGIN,
            "Status": invocation.status,
            "StatusDetails": invocation.details,
            "ResponseCode": invocation.response_code,
            "Output": _both_streams(invocation) if invocation.ended else "",
        }
        if invocation.started_at:
            plugin["ResponseStartDateTime"] = invocation.started_at
        if invocation.ended_at:
            plugin["ResponseFinishDateTime"] = invocation.ended_at
        entry["CommandPlugins"] = [plugin]
    return entry


def _common_members(command: SentCommand) -> dict[str, Any]:
    parameters = command.parameters
    members = {
        "Comment": parameters.get("Comment", ""),
        "DocumentName": DOCUMENT,
        "DocumentVersion": "$DEFAULT",
    }
    if parameters.get("CloudWatchOutputConfig"):
        members["CloudWatchOutputConfig"] = parameters["CloudWatchOutputConfig"]
    return members


def _combined_status(statuses: Iterable[str]) -> str:
    """Return a command's status over all its instances."""
    present = set(statuses)
    for status in ("Cancelling", "InProgress", "Pending", "Cancelled", "TimedOut", "Failed"):
        if status in present:
            return status
    return "Success"


def _timestamp(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if at else ""


def _elapsed(invocation: CommandInvocation) -> str:
    """Return how long a command has run, as AWS writes durations."""
    if invocation.started_at is None:
        return ""
    seconds = ((invocation.ended_at or datetime.now(UTC)) - invocation.started_at).total_seconds()
    return f"PT{seconds:.3f}S"


def _both_streams(invocation: CommandInvocation) -> str:
    """Return the output followed by the errors, shortened."""
    errors = f"\n----------ERROR-------\n{invocation.stderr}" if invocation.stderr else ""
    text = invocation.stdout + errors
    return text if len(text) <= LONGEST_BOTH else text[: LONGEST_BOTH - len(TRUNCATED)] + TRUNCATED
