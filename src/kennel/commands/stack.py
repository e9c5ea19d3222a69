"""The stack, managed through Terraform."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from kennel.commands.cost import month_difference
from kennel.commands.task import kennel_task
from kennel.errors import KennelError, UsageError

if TYPE_CHECKING:
    from kennel.aws import Approve
    from kennel.aws.infrastructure.changes import Changes

YES = "go on without asking; where no terminal can be asked, dev and prod need it"


def show(changes: Changes, verb: str) -> None:
    """Print changes: each resource by module, then the counts of each module and of all."""
    from kennel import terminal

    if changes.planned:
        rows = [(change.module, change.action, change.resource) for change in changes.sorted]
        terminal.print_table(verb, ("module", "action", "resource"), rows, grouped=True)
    if changes.attributes:
        terminal.print_table(
            "changed attributes",
            ("resource", "attribute", "before", "after"),
            [(change.address, change.attribute, *change.texts) for change in changes.attributes],
            grouped=True,
        )
    for warning in changes.warnings:
        terminal.print_line(f"warning: {warning}")
    _count(changes, verb)


def _count(changes: Changes, verb: str) -> None:
    from kennel import terminal

    kinds = ("add", "change", "remove")
    rows = [(module, *(counts[kind] for kind in kinds)) for module, counts in changes.by_module().items()]
    if rows:
        terminal.print_table(f"{verb}, by module", ("module", *kinds), rows)
    terminal.print_line(
        f"{verb}: {changes.add} to add, {changes.change} to change, {changes.remove} to remove"
    )


@kennel_task(cloud=True)
def plan(workspace: Any) -> dict[str, Any]:
    """Show the changes that an apply would make, and what they cost or save in a month."""
    from kennel import terminal
    from kennel.aws import session
    from kennel.aws.infrastructure import stack

    with terminal.progress("plan") as progress:
        changes, document = stack.plan_with_document(workspace, progress)
    show(changes, "plan")
    lock = _lock(workspace)
    month = month_difference(document, workspace.environment, session.region())
    return {**changes.as_dict(), "lock": lock, "month": month}


@kennel_task(cloud=True, yes=YES)
def sleep(workspace: Any, yes: bool = False) -> dict[str, Any]:
    """Take off what is billed by the hour, until stack.wake: the endpoint, network endpoints, machines."""
    return _asleep_or_awake(workspace, yes, "sleep")


@kennel_task(cloud=True, yes=YES)
def wake(workspace: Any, yes: bool = False) -> dict[str, Any]:
    """Bring back what stack.sleep took off, with the same release; success means that it answers."""
    return _asleep_or_awake(workspace, yes, "wake")


def _asleep_or_awake(workspace: Any, yes: bool, verb: str) -> dict[str, Any]:
    from kennel import terminal
    from kennel.aws.deployment import sleeping
    from kennel.aws.infrastructure import stack

    asks = _asks(workspace, yes, verb)

    def review(changes: Changes, workbenches: list[str]) -> None:
        show(changes, f"plan to {verb}")
        for name in workbenches:
            terminal.print_line(f"{'stops' if verb == 'sleep' else 'starts'}: {name}")
        if asks and (workbenches or not changes.empty):
            _ask(f"{verb} {workspace.environment}? ")

    with terminal.progress(verb) as progress:
        change = sleeping.sleep if verb == "sleep" else sleeping.wake
        document = change(workspace, stack.outputs(workspace), review, progress)
    serves = (
        f"{document['release']}, deployment {document['deployment']}" if document["release"] else "nothing"
    )
    state = "asleep" if document["asleep"] else "awake"
    terminal.print_line(
        f"{workspace.environment} is {state}; {'to serve' if document['asleep'] else 'serves'} {serves}"
    )
    return document


@kennel_task(cloud=True, yes=YES)
def apply(workspace: Any, yes: bool = False) -> dict[str, Any]:
    """Show the plan, ask in dev and prod, then create or change the stack; the deployed release is kept."""
    return _change(workspace, yes, "apply", "applied")


@kennel_task(cloud=True, yes=YES)
def destroy(workspace: Any, yes: bool = False) -> dict[str, Any]:
    """Remove the stack, its endpoint and its buckets with their contents; asks in dev, prod is protected."""
    return _change(workspace, yes, "destroy", "destroyed")


def _change(workspace: Any, yes: bool, verb: str, done: str) -> dict[str, Any]:
    """Plan, show the plan, ask if that is needed, and apply what was shown."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack

    asks = _asks(workspace, yes, verb)
    with contextlib.ExitStack() as open_plan:
        with terminal.progress("plan") as progress:
            plan = open_plan.enter_context(
                stack.planned(
                    workspace, progress, destroy=verb == "destroy", approve=approval(workspace, yes)
                )
            )
        show(plan.changes, f"plan to {verb}")
        if asks and not plan.changes.empty:
            _ask(f"{verb} this in {workspace.environment}? ")
        with terminal.progress(verb) as progress:
            changes = plan.apply(progress)
    terminal.print_line(f"{done}: {changes.add} added, {changes.change} changed, {changes.remove} removed")
    return changes.as_dict()


def _asks(workspace: Any, yes: bool, verb: str) -> bool:
    """Return whether a change of an environment is asked for; refuse it where nobody can answer."""
    from kennel import terminal

    asks = workspace.environment != "local" and not yes
    if asks and not terminal.can_ask():
        raise UsageError(
            f"stack.{verb} asks before it changes {workspace.environment}, and there is no terminal to ask: "
            f"see ./kennel stack.plan --env {workspace.environment}, then add --yes"
        )
    return asks


def approval(workspace: Any, yes: bool) -> Approve:
    """Return what asks, in dev and prod, before what an unfinished operation left is touched."""

    def approve(question: str, rows: list[tuple[str, str]]) -> bool:
        from kennel import terminal

        if rows:
            terminal.print_table("missing from the state", ("resource", "id"), rows)
        terminal.print_line(question)
        return workspace.environment == "local" or yes or terminal.ask("go on? ")

    return approve


def _lock(workspace: Any) -> dict[str, Any] | None:
    """Say who holds the lock on the state, and return it."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack

    lock = stack.lock(workspace)
    if lock is None:
        return None
    terminal.print_line(lock.text)
    return lock.as_dict()


def _ask(question: str) -> None:
    from kennel import terminal

    if not terminal.ask(question):
        raise KennelError("nothing was changed: only the answer yes goes on (--yes does not ask)")


@kennel_task(cloud=True, everything="also what the configuration does not set: an apply leaves it as it is")
def drift(workspace: Any, everything: bool = False) -> dict[str, Any]:
    """Show changes that were made outside Terraform, by attribute; exit code 1 if there are any."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack

    with terminal.progress("drift") as progress:
        changes = stack.drift(workspace, progress, everything=everything)
    show(changes, "drift")
    attributes = [attribute.as_dict() for attribute in changes.attributes]
    return {"ok": changes.empty, **changes.as_dict(), "attributes": attributes, "lock": _lock(workspace)}


@kennel_task(positional=("lock",), cloud=True, lock="the lock's id, which the error about it names")
def unlock(workspace: Any, lock: str) -> dict[str, Any]:
    """Free the state from the lock of an operation that was killed; never that of one that still runs."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack

    stack.unlock(workspace, lock)
    terminal.print_line(f"freed: {lock}")
    return {"lock": lock}


@kennel_task(cloud=True)
def outputs(workspace: Any) -> dict[str, Any]:
    """Show the stack's outputs: names, ARNs, buckets, images."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack

    values = stack.outputs(workspace).outputs
    rows = [(name, *pair) for name, value in sorted(values.items()) for pair in _lines_of(value)]
    terminal.print_table("Outputs", ("name", "", "value"), rows, grouped=True)
    return values


def _lines_of(value: Any) -> list[tuple[str, str]]:
    """Return an output's value as name and text: one pair for each member of an object."""
    if isinstance(value, dict):
        return [(name, _line(member)) for name, member in sorted(value.items())] or [("", "{}")]
    return [("", _line(value))]


def _line(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@kennel_task()
def build() -> dict[str, Any]:
    """Build the local files that Terraform reads: the function's zip."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.session import Workspace

    built = stack.build(Workspace.of("local"))
    terminal.print_table("Built", ("file", "path"), built.items())
    return built
