"""The local cloud as a background service."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from kennel.commands.task import LOCAL_CLOUD, REHEARSAL, kennel_task
from kennel.commands.values import Duration, Number, Port
from kennel.errors import KennelError, UsageError
from kennel.localcloud.clock import FASTEST


@kennel_task(
    port="port to listen on; 0: any free port (default: where it listened before, else 4510)",
    directory="folder of its files",
    speed="seconds of its clock in one second; 0: it stands still until local.clock moves it "
    "(default: as before, else 1)",
    launch="how long an instance of an endpoint takes before its model server starts, by the clock: 3m, 90s "
    "(default: as before, else 0)",
)
def up(
    port: Annotated[int | None, Port()] = None,
    directory: str = str(LOCAL_CLOUD),
    speed: Annotated[float | None, Number(0, FASTEST, whole=False)] = None,
    launch: Annotated[float | None, Duration()] = None,
) -> dict[str, Any]:
    """Start the local cloud in the background with what it held before, ready for Terraform."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.localcloud import lifecycle
    from kennel.localcloud.connection import administer

    ran_before = lifecycle.status(Path(directory)).ready
    with terminal.progress("local cloud") as progress:
        try:
            status = lifecycle.up(Path(directory), port=port, progress=progress, speed=speed)
            variables = lifecycle.environment(status)
            if launch is not None:
                administer(variables, "endpoints", launch=launch)
            os.environ.update(variables)
            stack.prepare(_workspace(directory), progress)
        except KeyboardInterrupt:
            if not ran_before:  # an interrupted start leaves no service behind
                lifecycle.down(Path(directory))
            raise
    terminal.print_line(
        f'running at {status.endpoint_url}; to use it in a shell: eval "$(./kennel local.env)"'
    )
    return asdict(status)


@kennel_task(directory="folder of its files")
def down(directory: str = str(LOCAL_CLOUD)) -> dict[str, Any]:
    """Stop the local cloud and everything that runs in it; what it holds is kept for the next local.up."""
    from kennel import terminal
    from kennel.localcloud import lifecycle

    stopped = lifecycle.down(Path(directory))
    terminal.print_line("stopped" if stopped else "the local cloud was not running")
    return {"stopped": stopped}


@kennel_task(directory="folder of its files", yes="confirm")
def reset(directory: str = str(LOCAL_CLOUD), yes: bool = False) -> dict[str, Any]:
    """Delete everything that the stopped local cloud holds; the next local.up starts afresh."""
    from kennel import terminal
    from kennel.localcloud import lifecycle

    question = f"Delete everything that the local cloud of {directory} holds? "
    if not yes and not (terminal.can_ask() and terminal.ask(question)):
        raise UsageError(
            f"this deletes everything that the local cloud of {directory} holds: confirm with --yes"
        )
    existed = lifecycle.reset(Path(directory))
    terminal.print_line("deleted" if existed else f"there is nothing in {directory}")
    return {"deleted": existed, "directory": directory}


@kennel_task(directory="folder of its files")
def status(directory: str = str(LOCAL_CLOUD)) -> dict[str, Any]:
    """Show whether the local cloud is running, and where."""
    from kennel import terminal
    from kennel.localcloud import lifecycle

    status = lifecycle.status(Path(directory))
    terminal.print_line(
        f"running at {status.endpoint_url} (process {status.pid})" if status.ready else status.note
    )
    if status.ready and status.note:
        terminal.print_line(status.note)
    return asdict(status)


@kennel_task(
    directory="folder of its files",
    terraform="also what plain terraform needs in terraform/ (TF_*); other roots need none of it",
)
def env(as_json: bool, directory: str = str(LOCAL_CLOUD), terraform: bool = False) -> dict[str, Any]:
    """Print shell exports with which AWS's CLI, boto3 and Terraform use the local cloud."""
    from kennel.aws.infrastructure import shell
    from kennel.localcloud import lifecycle
    from kennel.localcloud.connection import SDK_PLUGIN

    status = lifecycle.status(Path(directory))
    if not status.ready:
        raise KennelError(f"the local cloud in {directory} is {status.note}: run ./kennel local.up")
    variables = shell.variables(lifecycle.environment(status), _workspace(directory), terraform)
    if not as_json:
        print(shell.exports(variables, SDK_PLUGIN.parent))
    return variables


@kennel_task(
    advance="by how much to move it forward: 15m, 90s, 2h, 1d; returns when what became due has run",
    directory="folder of its files",
)
def clock(
    advance: Annotated[float | None, Duration()] = None, directory: str = str(LOCAL_CLOUD)
) -> dict[str, Any]:
    """Show the time by the local cloud's clock, after moving it forward with --advance."""
    from kennel import terminal
    from kennel.localcloud import lifecycle
    from kennel.localcloud.connection import administer

    status = lifecycle.status(Path(directory))
    if not status.ready:
        raise KennelError(f"the local cloud in {directory} is {status.note}: run ./kennel local.up")
    with terminal.progress("clock") as progress:
        if advance:
            progress(f"moving it forward by {advance:g} s")
        shown = administer(lifecycle.environment(status), "clock", advance=advance)
    terminal.print_line(f"{shown['now']}, at speed {shown['speed']:g}")
    return shown


def _workspace(directory: str) -> Any:
    """Return the workspace of the stack in a local cloud; a kept rehearsal has its own workspace."""
    from kennel.aws.session import Workspace

    if Path(directory).resolve() == REHEARSAL / "cloud":
        return Workspace("local", REHEARSAL / "stack")
    return Workspace.of("local")
