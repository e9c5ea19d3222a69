"""The stack, through Terraform."""

from __future__ import annotations

from typing import Any

from kennel.commands.task import kennel_task
from kennel.errors import KennelError


def _changes(changes: Any, verb: str) -> dict[str, Any]:
    from kennel import terminal

    if changes.resources:
        terminal.table(verb, ("action", "resource"), [line.split(" ", 1) for line in changes.resources])
    terminal.say(f"{verb}: {changes.add} to add, {changes.change} to change, {changes.remove} to remove")
    return changes.as_dict()


@kennel_task(cloud=True)
def plan(workspace: Any) -> dict[str, Any]:
    """Show what an apply would change."""
    from kennel import terminal
    from kennel.aws import stack

    with terminal.progress("plan") as tell:
        changes = stack.plan(workspace, tell)
    return _changes(changes, "plan")


@kennel_task(cloud=True)
def apply(workspace: Any) -> dict[str, Any]:
    """Create or change the stack; what is deployed stays deployed."""
    from kennel import terminal
    from kennel.aws import stack

    with terminal.progress("apply") as tell:
        changes = stack.apply(workspace, tell)
    return _changes(changes, "applied")


@kennel_task(cloud=True, yes="do not ask")
def destroy(workspace: Any, yes: bool = False) -> dict[str, Any]:
    """Remove the stack, its endpoint and (outside prod) its buckets' contents."""
    from kennel import terminal
    from kennel.aws import stack

    if workspace.environment != "local" and not yes:
        raise KennelError(f"this removes everything in {workspace.environment}: add --yes if you mean it")
    with terminal.progress("destroy") as tell:
        changes = stack.destroy(workspace, tell)
    return _changes(changes, "destroyed")


@kennel_task(cloud=True)
def drift(workspace: Any) -> dict[str, Any]:
    """Show what was changed behind Terraform's back; exit code 1 if anything was."""
    from kennel import terminal
    from kennel.aws import stack

    with terminal.progress("drift") as tell:
        changes = stack.drift(workspace, tell)
    return {"ok": changes.empty, **_changes(changes, "drift")}


@kennel_task(cloud=True)
def outputs(workspace: Any) -> dict[str, Any]:
    """Show the stack's names, ARNs, buckets and images."""
    from kennel import terminal
    from kennel.aws import stack

    values = stack.outputs(workspace).outputs
    terminal.table("Outputs", ("name", "value"), sorted(values.items()))
    return values


@kennel_task()
def build() -> dict[str, Any]:
    """Build what Terraform reads from disk: the function's zip."""
    from kennel import terminal
    from kennel.aws import stack
    from kennel.aws.session import Workspace

    built = stack.build(Workspace.of("local"))
    terminal.table("Built", ("what", "where"), built.items())
    return built
