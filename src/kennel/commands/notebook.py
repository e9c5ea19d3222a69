"""The notebook: publish what its instance downloads, and execute it end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from kennel.commands.task import kennel_task
from kennel.commands.values import DatasetName, Number


@kennel_task(
    cloud=True,
    data="name of a data set; if there is none, a small one is drawn and uploaded",
    trials="number of tuning trials",
    epochs="training epochs (passes over the photos)",
    keep_output="also write the outputs of the cells into notebooks/",
)
def run(
    workspace: Any,
    data: Annotated[str, DatasetName()] = "notebook",
    trials: Annotated[int, Number(1)] = 4,
    epochs: Annotated[int, Number(1)] = 10,
    keep_output: bool = False,
) -> dict[str, Any]:
    """Execute notebooks/train_and_deploy.ipynb end to end; exit code 0 only if every cell succeeds."""
    from kennel import notebook, terminal
    from kennel.aws.infrastructure import stack

    settings = notebook.Settings(dataset=data, trials=trials, epochs=epochs)
    with terminal.progress("notebook.run") as progress:
        record = notebook.run(
            workspace, stack.outputs(workspace), settings, keep_output=keep_output, progress=progress
        )
    terminal.print_line(f"all {record['cells']} cells succeeded; with outputs: {record['notebook']}")
    return record


@kennel_task(
    cloud=True, environment="archive of a Python environment, for an instance without a package index"
)
def publish(workspace: Any, environment: str = "") -> dict[str, Any]:
    """Upload what the notebook instance downloads: this checkout, and the stack's outputs."""
    from kennel import terminal
    from kennel.aws import platforms
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import notebook_source

    with terminal.progress("notebook.publish"):
        stack_ = stack.outputs(workspace)
        platforms.workbench(stack_, "notebook")
        published = notebook_source.publish(
            workspace.root, stack_, Path(environment) if environment else None
        )
    terminal.print_line(f"{published['uri']} ({published['bytes'] / 1024:.0f} KiB)")
    return published
