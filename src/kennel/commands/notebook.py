"""The notebook way: publish what its instance fetches, and execute it end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kennel.commands.task import kennel_task


@kennel_task(
    cloud=True,
    data="name of a data set; a small one is drawn and uploaded if there is none of that name",
    trials="how many trials are tuned",
    epochs="passes over the photos in training",
    keep_output="write what the cells showed into notebooks/, too",
)
def run(
    workspace: Any, data: str = "notebook", trials: int = 4, epochs: int = 10, keep_output: bool = False
) -> dict[str, Any]:
    """Execute notebooks/train_and_deploy.ipynb end to end; exit code 0 only if every cell ran."""
    from kennel import notebook, terminal
    from kennel.aws import stack

    settings = notebook.Settings(dataset=data, trials=trials, epochs=epochs)
    with terminal.progress("notebook.run") as tell:
        record = notebook.run(
            workspace, stack.outputs(workspace), settings, keep_output=keep_output, progress=tell
        )
    terminal.say(f"all {record['cells']} cells ran; what they showed: {record['notebook']}")
    return record


@kennel_task(cloud=True, environment="a packed Python environment, for an instance without a package index")
def publish(workspace: Any, environment: str = "") -> dict[str, Any]:
    """Upload what the notebook instance fetches: this checkout, and the stack's names."""
    from kennel import terminal
    from kennel.aws import notebook_source, stack

    with terminal.progress("notebook.publish"):
        published = notebook_source.publish(
            workspace.root, stack.outputs(workspace), Path(environment) if environment else None
        )
    terminal.say(f"{published['uri']} ({published['bytes'] / 1024:.0f} KiB)")
    return published
