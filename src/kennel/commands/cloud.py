"""The local cloud as a background service."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from kennel.commands.task import LOCAL_CLOUD, kennel_task


@kennel_task(port="port to listen on (default: 4510)", directory="where it keeps its files")
def up(port: int = 0, directory: str = str(LOCAL_CLOUD)) -> dict[str, Any]:
    """Start the local cloud in the background, ready for Terraform."""
    from kennel import terminal
    from kennel.aws import stack
    from kennel.aws.session import Workspace
    from kennel.localcloud import lifecycle

    with terminal.progress("local cloud") as tell:
        status = lifecycle.up(Path(directory), port=port or None, progress=tell)
        os.environ.update(lifecycle.environment(status))
        stack.prepare(Workspace.of("local"), tell)
    terminal.say(f'up at {status.endpoint_url}; point a shell at it with: eval "$(./kennel local.env)"')
    return status.as_dict()


@kennel_task(directory="where it keeps its files")
def down(directory: str = str(LOCAL_CLOUD)) -> dict[str, Any]:
    """Stop the local cloud and everything that runs in it."""
    from kennel import terminal
    from kennel.localcloud import lifecycle

    stopped = lifecycle.down(Path(directory))
    terminal.say("stopped" if stopped else "the local cloud was not running")
    return {"stopped": stopped}


@kennel_task(directory="where it keeps its files")
def status(directory: str = str(LOCAL_CLOUD)) -> dict[str, Any]:
    """Say whether the local cloud runs, and where."""
    from kennel import terminal
    from kennel.localcloud import lifecycle

    status = lifecycle.status(Path(directory))
    terminal.say(f"up at {status.endpoint_url} (process {status.pid})" if status.ready else "not running: ./kennel local.up")
    return status.as_dict()


@kennel_task(directory="where it keeps its files")
def env(directory: str = str(LOCAL_CLOUD)) -> dict[str, Any]:
    """Print the exports that point AWS's CLI, boto3 and Terraform at the local cloud."""
    from kennel.aws import shell
    from kennel.localcloud import lifecycle

    variables = shell.variables(lifecycle.environment(lifecycle.status(Path(directory)).or_fail()), "local")
    if "--json" not in sys.argv:
        print(shell.exports(variables))  # noqa: T201 - the exports are this task's output
    return variables
