"""Step Functions: definitions are checked, which Terraform's provider does in each plan; nothing runs them.

Sources: Step Functions API reference, ValidateStateMachineDefinition, PublishStateMachineVersion; Amazon
States Language specification.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import state_machines
from kennel.localcloud.protocol.messages import AwsError, Response

MOST = 100  # diagnostics or versions in an answer, unless the request names fewer
REVISION = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


@operation("stepfunctions", "ValidateStateMachineDefinition")
def validate_definition(call: Call) -> dict[str, Any]:
    """Return what is wrong with a definition: its JSON, its grammar, states that it names and lacks."""
    diagnostics = list(_diagnostics(call.parameters["definition"]))
    most = call.parameters.get("maxResults") or MOST
    return {
        "result": "FAIL" if diagnostics else "OK",
        "diagnostics": diagnostics[:most],
        "truncated": len(diagnostics) > most,
    }


@operation("stepfunctions", "CreateStateMachine", "UpdateStateMachine")
def put_machine(call: Call) -> Response:
    """Keep a machine whose definition is valid; moto keeps any."""
    definition = call.parameters.get("definition")
    for wrong in _diagnostics(definition) if definition is not None else ():
        reason = f"{wrong['code']}: {wrong['message']} at {wrong['location']}"
        raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{reason}'")
    return call.ask_moto()


@operation("stepfunctions", "PublishStateMachineVersion")
def publish_version(call: Call) -> dict[str, Any]:
    """Publish a version; what was published already is not published again."""
    machine = call.backend().describe_state_machine(call.parameters["stateMachineArn"])
    latest = machine.versions.get(machine.latest_version_number)
    if latest is None or any(getattr(latest, name) != getattr(machine, name) for name in REVISION):
        machine.publish(call.parameters.get("description"))
        latest = machine.latest_version
    return {"stateMachineVersionArn": latest.arn, "creationDate": latest.creation_date}


@operation("stepfunctions", "ListStateMachineVersions")
def list_versions(call: Call) -> dict[str, Any]:
    """List versions, the newest first; Terraform's provider does before it deletes a machine."""
    machine = call.backend().describe_state_machine(call.parameters["stateMachineArn"])
    after = int(call.parameters.get("nextToken") or machine.latest_version_number + 1)
    numbers = sorted((number for number in machine.versions if number < after), reverse=True)
    page = numbers[: call.parameters.get("maxResults") or MOST]
    listed = [machine.versions[number] for number in page]
    return {
        "stateMachineVersions": [
            {"stateMachineVersionArn": each.arn, "creationDate": each.creation_date} for each in listed
        ],
        **({"nextToken": str(page[-1])} if len(page) < len(numbers) else {}),
    }


@operation("stepfunctions", "DeleteStateMachineVersion")
def delete_version(call: Call) -> dict[str, Any]:
    """Delete a version that no alias leads to; one that is not there is no error."""
    arn = call.parameters["stateMachineVersionArn"]
    for machine in call.backend().state_machines:
        for alias in machine.aliases.values():
            if any(route["stateMachineVersionArn"] == arn for route in alias.routing_configuration):
                message = (
                    "Version to be deleted must not be referenced by an alias. Current list of aliases: "
                )
                raise AwsError("ConflictException", message + alias.arn)
        for number in [number for number, version in machine.versions.items() if version.arn == arn]:
            del machine.versions[number]
    return {}


def _diagnostics(definition: str) -> Iterator[dict[str, str]]:
    try:
        machine = json.loads(definition)
    except (ValueError, RecursionError) as error:
        yield _error("INVALID_JSON_DESCRIPTION", f"Definition is not valid JSON: {error}", "/")
        return
    errors = state_machines.syntax_errors(definition)
    yield from (_error("SCHEMA_VALIDATION_FAILED", text, "/") for text in errors)
    if not errors:
        yield from _missing_states(machine, "")


def _missing_states(machine: dict[str, Any], place: str) -> Iterator[dict[str, str]]:
    """Yield an error for each name in `StartAt`, `Next` and `Default` without a state, nested ones too."""
    states = machine.get("States") or {}
    if machine.get("StartAt") not in states:
        yield _missing(machine.get("StartAt"), f"{place}/StartAt")
    for name, state in states.items():
        path = f"{place}/States/{name}"
        for where, target in _targets(state):
            if target not in states:
                yield _missing(target, f"{path}/{where}")
        for index, branch in enumerate(state.get("Branches") or []):
            yield from _missing_states(branch, f"{path}/Branches[{index}]")
        for nested in ("ItemProcessor", "Iterator"):
            if state.get(nested):
                yield from _missing_states(state[nested], f"{path}/{nested}")


def _targets(state: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("Next", "Default"):
        if name in state:
            yield name, state[name]
    for name in ("Choices", "Catch"):
        for index, each in enumerate(state.get(name) or []):
            yield f"{name}[{index}]/Next", each.get("Next")


def _missing(target: Any, location: str) -> dict[str, str]:
    return _error("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", location)


def _error(code: str, message: str, location: str) -> dict[str, str]:
    return {"severity": "ERROR", "code": code, "message": message, "location": location}
