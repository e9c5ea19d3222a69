"""Systems Manager's Run Command: shell scripts that are sent to instances really run."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.ec2.instances import names_tagged, when_switched_off
from kennel.localcloud.services.ssm.agents import agents
from kennel.localcloud.services.ssm.command_invocation import CommandInvocation, CommandSettings
from kennel.localcloud.services.ssm.descriptions import (
    DOCUMENT,
    PLUGIN,
    SentCommand,
    describe_command,
    describe_invocation,
    list_invocation,
)

# https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
PARAMETERS = {"commands", "workingDirectory", "executionTimeout"}
DEFAULT_TIMEOUT, LONGEST_TIMEOUT = 3_600, 172_800
AGENT_VERSION = "3.3.2299.0"
POWER_OFF_SECONDS = 5.0


@dataclass
class Commands(KeptStore):
    """What was sent in a cloud: commands by id, and their invocations on instances, the oldest first."""

    by_id: dict[str, SentCommand] = field(default_factory=dict)
    invocations: list[CommandInvocation] = field(default_factory=list)

    def resume(self, cloud: Cloud) -> None:
        """End the commands that ran when the local cloud ended."""
        for invocation in self.invocations:
            invocation.interrupt()


@operation("ssm", "SendCommand")
def send_command(call: Call) -> dict[str, Any]:
    """Send a script to instances, which begin at once."""
    parameters = call.parameters
    online = {name: agent for name, agent in agents(call.cloud).items() if agent.online}
    script = _script(parameters)
    names = _targets(call, parameters)
    absent = [name for name in names if name not in online]
    if absent or (not names and not parameters.get("Targets")):
        raise AwsError(
            "InvalidInstanceId",
            f"Instances [[{', '.join(absent)}]] not in a valid state for account {call.account}",
        )
    timeout = _timeout(parameters["Parameters"])
    command = SentCommand(str(uuid.uuid4()), parameters, names, timeout)
    settings = CommandSettings(
        command.id,
        script,
        "".join(parameters["Parameters"].get("workingDirectory", [])),
        timeout,
        _log_group(parameters),
        _output_uri(parameters),
    )
    invocations = [CommandInvocation(call.cloud, name, online[name].role_arn, settings) for name in names]
    with call.cloud.lock:
        _commands(call.cloud)[command.id] = command
        call.cloud.store(Commands).invocations.extend(invocations)
    response = {"Command": describe_command(command, invocations)}  # before anything begins: Pending
    for invocation in invocations:
        invocation.start()
    return response


@operation("ssm", "GetCommandInvocation")
def get_command_invocation(call: Call) -> dict[str, Any]:
    """Describe a command on one instance."""
    name, instance = call.parameters["CommandId"], call.parameters["InstanceId"]
    invocations = _invocations(call.cloud, name, instance)
    if not invocations or call.parameters.get("PluginName", PLUGIN) != PLUGIN:
        raise AwsError("InvocationDoesNotExist", f"There is no command {name} on {instance}.", 400)
    return describe_invocation(_commands(call.cloud)[name], invocations[0])


@operation("ssm", "ListCommands")
def list_commands(call: Call) -> dict[str, Any]:
    """List commands, the newest first."""
    command_id, instance = call.parameters.get("CommandId"), call.parameters.get("InstanceId")
    with call.cloud.lock:
        commands = list(_commands(call.cloud).values())
    listed = [
        describe_command(command, _invocations(call.cloud, command.id))
        for command in reversed(commands)
        if command_id in (None, command.id) and (instance is None or instance in command.instances)
    ]
    return {"Commands": listed}


@operation("ssm", "ListCommandInvocations")
def list_command_invocations(call: Call) -> dict[str, Any]:
    """List what was sent to which instance, the newest first."""
    parameters, commands = call.parameters, _commands(call.cloud)
    invocations = _invocations(call.cloud, parameters.get("CommandId"), parameters.get("InstanceId"))
    details = bool(parameters.get("Details"))
    listed = [
        list_invocation(commands[invocation.settings.command_id], invocation, details)
        for invocation in reversed(invocations)
    ]
    return {"CommandInvocations": listed}


@operation("ssm", "CancelCommand")
def cancel_command(call: Call) -> dict[str, Any]:
    """End a command where it has not ended yet."""
    name, instances = call.parameters["CommandId"], call.parameters.get("InstanceIds")
    if name not in _commands(call.cloud):
        raise AwsError("InvalidCommandId", f"There is no command {name}.", 400)
    for invocation in _invocations(call.cloud, name):
        if not instances or invocation.instance in instances:
            invocation.cancel()
    return {}


@operation("ssm", "DescribeInstanceInformation")
def describe_instance_information(call: Call) -> dict[str, Any]:
    """List the instances whose agents are registered and connected."""
    filters: dict[str, list[str]] = {}
    for entry in call.parameters.get("Filters") or []:
        filters[entry["Key"]] = entry["Values"]
    for entry in call.parameters.get("InstanceInformationFilterList") or []:
        filters[entry["key"]] = entry["valueSet"]
    unknown = set(filters) - {"InstanceIds", "PingStatus"}
    if unknown:
        raise AwsError("InvalidFilterKey", f"The filter {min(unknown)} is not supported here.", 400)
    online = {name: agent for name, agent in agents(call.cloud).items() if agent.online}
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


def _commands(cloud: Cloud) -> dict[str, SentCommand]:
    return cloud.store(Commands).by_id


def _invocations(
    cloud: Cloud, command_id: str | None, instance: str | None = None
) -> list[CommandInvocation]:
    """Return the invocations of a command, or on an instance; None stands for all."""
    with cloud.lock:
        return [
            invocation
            for invocation in cloud.store(Commands).invocations
            if command_id in (None, invocation.settings.command_id)
            and instance in (None, invocation.instance)
        ]


@when_switched_off
def _end_commands(cloud: Cloud, instances: list[str]) -> None:
    ending = [
        invocation
        for invocation in cloud.store(Commands).invocations
        if invocation.instance in instances and not invocation.ended
    ]
    for invocation in ending:
        invocation.switch_off()
    for invocation in ending:
        invocation.wait(POWER_OFF_SECONDS)


def _script(parameters: dict[str, Any]) -> str:
    name = parameters["DocumentName"].removeprefix("arn:aws:ssm:us-east-1::document/")
    if name != DOCUMENT:
        raise AwsError("InvalidDocument", f"The local cloud runs {DOCUMENT} only, not {name}.", 400)
    arguments = parameters.setdefault("Parameters", {})
    unknown = set(arguments) - PARAMETERS
    if unknown or not arguments.get("commands"):
        wrong = f"unknown parameter {min(unknown)}" if unknown else "the parameter commands is missing"
        raise AwsError("InvalidParameters", f"{DOCUMENT}: {wrong}.", 400)
    return "\n".join(arguments["commands"])


def _timeout(arguments: dict[str, list[str]]) -> float:
    text = "".join(arguments.get("executionTimeout", [str(DEFAULT_TIMEOUT)]))
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
    configuration = parameters.get("CloudWatchOutputConfig") or {}
    if not configuration.get("CloudWatchOutputEnabled"):
        return ""
    return configuration.get("CloudWatchLogGroupName") or f"/aws/ssm/{DOCUMENT}"


def _output_uri(parameters: dict[str, Any]) -> str:
    bucket, prefix = parameters.get("OutputS3BucketName"), parameters.get("OutputS3KeyPrefix", "")
    return "/".join(part for part in (f"s3://{bucket}", prefix.strip("/")) if part) if bucket else ""
