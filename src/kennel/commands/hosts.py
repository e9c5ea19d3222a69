"""The EC2 way: train on the stack's own host."""

from __future__ import annotations

from typing import Any

from kennel.commands.task import kennel_task


@kennel_task(
    cloud=True,
    data="name of an uploaded data set",
    arch="efficientnet_lite0, resnet50 or another torchvision classifier",
    epochs="passes over the photos",
    batch_size="photos a step",
    lr="highest learning rate",
    seed="of the new head and the order of the photos",
    max_hours="after which the training is ended",
    keep_running="leave the instance on; it still switches itself off when idle",
)
def train(
    workspace: Any,
    data: str = "dogs",
    arch: str = "efficientnet_lite0",
    epochs: int = 0,
    batch_size: int = 0,
    lr: float = 0.0,
    seed: int = 0,
    max_hours: float = 4.0,
    keep_running: bool = False,
) -> dict[str, Any]:
    """Train on the EC2 host through Systems Manager, and switch it off afterwards."""
    from kennel import terminal
    from kennel.aws import hosts, stack

    given = {"epochs": epochs, "batch-size": batch_size, "lr": lr}
    request = hosts.HostRequest(
        dataset=data,
        hyperparameters={
            "arch": arch,
            "seed": seed,
            **{name: value for name, value in given.items() if value},
        },
        maximum_seconds=round(max_hours * 3600),
        keep_running=keep_running,
    )
    with terminal.progress("ec2.train") as tell:
        record = hosts.train(workspace, stack.outputs(workspace), request, tell)
    terminal.table(record["job"], ("metric", "value"), sorted(record["metrics"].items()))
    terminal.say(f"package it with: ./kennel package --job {record['job']}")
    return record
