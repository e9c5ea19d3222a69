"""The stack, managed through Terraform."""

from __future__ import annotations

from typing import Any

from kennel.commands.task import kennel_task
from kennel.errors import KennelError


def _changes(changes: Any, verb: str) -> dict[str, Any]:
    """Print changes as a table; return them as a JSON document."""
    from kennel import terminal

    if changes.resources:
        terminal.print_table(verb, ("action", "resource"), [line.split(" ", 1) for line in changes.resources])
    terminal.print_line(
        f"{verb}: {changes.add} to add, {changes.change} to change, {changes.remove} to remove"
    )
    return changes.as_dict()


@kennel_task(cloud=True)
def plan(workspace: Any) -> dict[str, Any]:
    """Show the changes that an apply would make."""
    from kennel import terminal
    from kennel.aws import stack

    with terminal.progress("plan") as progress:
        changes = stack.plan(workspace, progress)
    return _changes(changes, "plan")


@kennel_task(cloud=True)
def apply(workspace: Any) -> dict[str, Any]:
    """Create or change the stack; the deployed release is kept."""
    from kennel import terminal
    from kennel.aws import stack

    with terminal.progress("apply") as progress:
        changes = stack.apply(workspace, progress)
    return _changes(changes, "applied")


@kennel_task(cloud=True, yes="confirm; required for dev and prod")
def destroy(workspace: Any, yes: bool = False) -> dict[str, Any]:
    """Remove the stack, its endpoint and (except in prod) the contents of its buckets."""
    from kennel import terminal
    from kennel.aws import stack

    if workspace.environment != "local" and not yes:
        raise KennelError(f"this removes the whole stack in {workspace.environment}: add --yes to confirm")
    with terminal.progress("destroy") as progress:
        changes = stack.destroy(workspace, progress)
    return _changes(changes, "destroyed")


@kennel_task(cloud=True)
def drift(workspace: Any) -> dict[str, Any]:
    """Show changes that were made outside Terraform; exit code 1 if there are any."""
    from kennel import terminal
    from kennel.aws import stack

    with terminal.progress("drift") as progress:
        changes = stack.drift(workspace, progress)
    return {"ok": changes.empty, **_changes(changes, "drift")}


@kennel_task(cloud=True)
def outputs(workspace: Any) -> dict[str, Any]:
    """Show the stack's outputs: names, ARNs, buckets, images."""
    from kennel import terminal
    from kennel.aws import stack

    values = stack.outputs(workspace).outputs
    terminal.print_table("Outputs", ("name", "value"), sorted(values.items()))
    return values


@kennel_task()
def build() -> dict[str, Any]:
    """Build the local files that Terraform reads: the function's zip."""
    from kennel import terminal
    from kennel.aws import stack
    from kennel.aws.session import Workspace

    built = stack.build(Workspace.of("local"))
    terminal.print_table("Built", ("file", "path"), built.items())
    return built
