"""Systems Manager's Run Command: shell scripts sent to instances run there for real."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.ec2.instances import names_tagged, when_switched_off
from kennel.localcloud.services.ssm import command_invocation
from kennel.localcloud.services.ssm.agents import agents
from kennel.localcloud.services.ssm.command_invocation import PLUGIN, CommandInvocation, Order

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud

DOCUMENT = "AWS-RunShellScript"
# https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
PARAMETERS = {"commands", "workingDirectory", "executionTimeout"}
DEFAULT_TIMEOUT, LONGEST_TIMEOUT = 3_600, 172_800
DELIVERY_TIMEOUT = 3_600
AGENT_VERSION = "3.3.2299.0"
KEPT = ("OutputS3BucketName", "OutputS3KeyPrefix", "CloudWatchOutputConfig", "Targets", "Parameters")


@dataclass
class Command:
    """A command as its sender sees it."""

    id: str
    parameters: dict[str, Any]
    instances: list[str]
    requested_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@operation("ssm", "SendCommand")
def send_command(call: Call) -> dict[str, Any]:
    """Send a script to instances, which begin at once."""
    parameters = call.parameters
    online = {name: one for name, one in agents(call.cloud).items() if one.online}
    script = _script(parameters)
    names = _targets(call, parameters)
    absent = [name for name in names if name not in online]
    if absent or (not names and not parameters.get("Targets")):
        raise AwsError(
            "InvalidInstanceId",
            f"Instances [[{', '.join(absent)}]] not in a valid state for account {call.account}",
        )
    command = Command(str(uuid.uuid4()), parameters, names)
    order = Order(
        command.id,
        script,
        "".join(parameters["Parameters"].get("workingDirectory", [])),
        _timeout(parameters["Parameters"]),
        _log_group(parameters),
        _output_uri(parameters),
    )
    made = [CommandInvocation(call.cloud, name, online[name].role_arn, order) for name in names]
    with call.cloud.lock:
        _commands(call.cloud)[command.id] = command
        call.cloud.store(Commands).invocations.extend(made)
    answer = {"Command": _described(call.cloud, command)}  # as it is before anything begins: Pending
    for invocation in made:
        invocation.start()
    return answer


@operation("ssm", "GetCommandInvocation")
def get_command_invocation(call: Call) -> dict[str, Any]:
    """Say how a command fares on one instance."""
    name, instance = call.parameters["CommandId"], call.parameters["InstanceId"]
    found = _found(call.cloud, name, instance)
    if not found or call.parameters.get("PluginName", PLUGIN) != PLUGIN:
        raise AwsError("InvocationDoesNotExist", f"There is no command {name} on {instance}.", 400)
    return {**_shared(_commands(call.cloud)[name]), **command_invocation.describe(found[0])}


@operation("ssm", "ListCommands")
def list_commands(call: Call) -> dict[str, Any]:
    """List commands, the newest first."""
    wanted, instance = call.parameters.get("CommandId"), call.parameters.get("InstanceId")
    with call.cloud.lock:
        found = list(_commands(call.cloud).values())
    chosen = [
        _described(call.cloud, one)
        for one in reversed(found)
        if wanted in (None, one.id) and (instance is None or instance in one.instances)
    ]
    return {"Commands": chosen}


@operation("ssm", "ListCommandInvocations")
def list_command_invocations(call: Call) -> dict[str, Any]:
    """List what was sent to which instance, the newest first."""
    parameters = call.parameters
    found = _found(call.cloud, parameters.get("CommandId"), parameters.get("InstanceId"))
    return {"CommandInvocations": [_listed(call, one) for one in reversed(found)]}


@operation("ssm", "CancelCommand")
def cancel_command(call: Call) -> dict[str, Any]:
    """End a command where it has not ended yet."""
    name, chosen = call.parameters["CommandId"], call.parameters.get("InstanceIds")
    if name not in _commands(call.cloud):
        raise AwsError("InvalidCommandId", f"There is no command {name}.", 400)
    for invocation in _found(call.cloud, name):
        if not chosen or invocation.instance in chosen:
            invocation.cancel()
    return {}


@operation("ssm", "DescribeInstanceInformation")
def describe_instance_information(call: Call) -> dict[str, Any]:
    """List the instances whose agents are registered and connected."""
    filters: dict[str, list[str]] = {}
    for one in call.parameters.get("Filters") or []:
        filters[one["Key"]] = one["Values"]
    for one in call.parameters.get("InstanceInformationFilterList") or []:
        filters[one["key"]] = one["valueSet"]
    unknown = set(filters) - {"InstanceIds", "PingStatus"}
    if unknown:
        raise AwsError("InvalidFilterKey", f"The filter {min(unknown)} is not supported here.", 400)
    online = {name: one for name, one in agents(call.cloud).items() if one.online}
    if "Online" not in filters.get("PingStatus", ["Online"]):
        online = {}
    listed = [
        {
            "InstanceId": name,
            "PingStatus": "Online",
            "LastPingDateTime": datetime.now(UTC),
            "AgentVersion": AGENT_VERSION,
            "IsLatestVersion": True,
            "PlatformType": "Linux",
            "PlatformName": "Ubuntu",
            "PlatformVersion": "22.04",
            "ResourceType": "EC2Instance",
            "ComputerName": f"{name}.localdomain",
        }
        for name in sorted(online)
        if name in filters.get("InstanceIds", [name])
    ]
    return {"InstanceInformationList": listed}


@dataclass
class Commands:
    """What was sent in a cloud: commands by id, and their invocations on instances, the oldest first."""

    by_id: dict[str, Command] = field(default_factory=dict)
    invocations: list[CommandInvocation] = field(default_factory=list)


def _commands(cloud: Cloud) -> dict[str, Command]:
    return cloud.store(Commands).by_id


@when_switched_off
def _end_commands(cloud: Cloud, instances: list[str]) -> None:
    ending = [
        invocation
        for invocation in cloud.store(Commands).invocations
        if invocation.instance in instances and not invocation.over
    ]
    for invocation in ending:
        invocation.switch_off()
    for invocation in ending:
        invocation.wait(5)


def _found(cloud: Cloud, command: str | None, instance: str | None = None) -> list[CommandInvocation]:
    with cloud.lock:
        return [
            one
            for one in cloud.store(Commands).invocations
            if command in (None, one.order.command) and instance in (None, one.instance)
        ]


def _script(parameters: dict[str, Any]) -> str:
    name = parameters["DocumentName"].removeprefix("arn:aws:ssm:us-east-1::document/")
    if name != DOCUMENT:
        raise AwsError("InvalidDocument", f"The local cloud runs {DOCUMENT} only, not {name}.", 400)
    given = parameters.setdefault("Parameters", {})
    unknown = set(given) - PARAMETERS
    if unknown or not given.get("commands"):
        wrong = f"unknown parameter {min(unknown)}" if unknown else "the parameter commands is missing"
        raise AwsError("InvalidParameters", f"{DOCUMENT}: {wrong}.", 400)
    return "\n".join(given["commands"])


def _timeout(given: dict[str, list[str]]) -> float:
    text = "".join(given.get("executionTimeout", [str(DEFAULT_TIMEOUT)]))
    if not text.isdigit() or not 1 <= int(text) <= LONGEST_TIMEOUT:
        message = f"executionTimeout is {text!r}: give seconds from 1 to {LONGEST_TIMEOUT}."
        raise AwsError("InvalidParameters", message, 400)
    return float(text)


def _targets(call: Call, parameters: dict[str, Any]) -> list[str]:
    names: list[str] = list(parameters.get("InstanceIds") or [])
    for target in parameters.get("Targets") or []:
        if target["Key"].lower() == "instanceids":
            names += target["Values"]
        elif target["Key"].startswith("tag:"):
            names += names_tagged(call.cloud, target["Key"].removeprefix("tag:"), target["Values"])
        else:
            message = f"The local cloud knows the targets InstanceIds and tag:…, not {target['Key']}."
            raise AwsError("InvalidTarget", message, 400)
    if len(names) != len(set(names)):
        raise AwsError("DuplicateInstanceId", "An instance is named twice.", 400)
    return names


def _log_group(parameters: dict[str, Any]) -> str:
    wanted = parameters.get("CloudWatchOutputConfig") or {}
    if not wanted.get("CloudWatchOutputEnabled"):
        return ""
    return wanted.get("CloudWatchLogGroupName") or f"/aws/ssm/{DOCUMENT}"


def _output_uri(parameters: dict[str, Any]) -> str:
    bucket, prefix = parameters.get("OutputS3BucketName"), parameters.get("OutputS3KeyPrefix", "")
    return "/".join(part for part in (f"s3://{bucket}", prefix.strip("/")) if part) if bucket else ""


def _shared(command: Command) -> dict[str, Any]:
    given = command.parameters
    shared = {"Comment": given.get("Comment", ""), "DocumentName": DOCUMENT, "DocumentVersion": "$DEFAULT"}
    if given.get("CloudWatchOutputConfig"):
        shared["CloudWatchOutputConfig"] = given["CloudWatchOutputConfig"]
    return shared


def _described(cloud: Cloud, command: Command) -> dict[str, Any]:
    found, given = _found(cloud, command.id), command.parameters
    status = _together(one.status for one in found)
    delivery = given.get("TimeoutSeconds") or DELIVERY_TIMEOUT
    return {
        **{name: given[name] for name in KEPT if given.get(name)},
        **_shared(command),
        "CommandId": command.id,
        "InstanceIds": given.get("InstanceIds") or [],
        "RequestedDateTime": command.requested_at,
        "ExpiresAfter": command.requested_at
        + timedelta(seconds=delivery + _timeout(given.get("Parameters", {}))),
        "Status": status,
        "StatusDetails": status,
        "TimeoutSeconds": delivery,
        "MaxConcurrency": given.get("MaxConcurrency", "50"),
        "MaxErrors": given.get("MaxErrors", "0"),
        "TargetCount": len(found),
        "CompletedCount": sum(one.over for one in found),
        "ErrorCount": sum(one.status in ("Failed", "TimedOut") for one in found),
        "DeliveryTimedOutCount": 0,
    }


def _together(statuses: Iterable[str]) -> str:
    """Return a command's status over all its instances."""
    found = set(statuses)
    for status in ("Cancelling", "InProgress", "Pending", "Cancelled", "TimedOut", "Failed"):
        if status in found:
            return status
    return "Success"


def _listed(call: Call, invocation: CommandInvocation) -> dict[str, Any]:
    entry = {
        **_shared(_commands(call.cloud)[invocation.order.command]),
        "CommandId": invocation.order.command,
        "InstanceId": invocation.instance,
        "RequestedDateTime": invocation.requested_at,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "CommandPlugins": [],
    }
    if call.parameters.get("Details"):
        plugin: dict[str, Any] = {
            "Name": PLUGIN,
            "Status": invocation.status,
            "StatusDetails": invocation.details,
            "ResponseCode": invocation.response_code,
            "Output": invocation.both() if invocation.over else "",
        }
        if invocation.started_at:
            plugin["ResponseStartDateTime"] = invocation.started_at
        if invocation.ended_at:
            plugin["ResponseFinishDateTime"] = invocation.ended_at
        entry["CommandPlugins"] = [plugin]
    return entry
