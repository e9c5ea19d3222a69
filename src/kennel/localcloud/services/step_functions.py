"""Step Functions: definitions are checked, which Terraform's provider does in each plan; nothing runs them.

Source: Step Functions API reference, ValidateStateMachineDefinition; Amazon States Language specification.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import state_machines

MOST = 100  # diagnostics in an answer, unless the request names fewer


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
