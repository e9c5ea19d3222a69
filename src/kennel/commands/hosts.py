"""The EC2 way: train on the stack's own host."""

from __future__ import annotations

from typing import Any

from kennel.commands.model import OPTIONS, hyperparameters
from kennel.commands.task import kennel_task


@kennel_task(
    cloud=True,
    **{name: text for name, text in OPTIONS.items() if name != "instance_type"},
    batch_size="photos a step",
    lr="highest learning rate",
    unfreeze="how many of the backbone's last stages learn too",
    best_of="a tuning job whose best hyperparameters to take where none is given here",
    max_hours="after which the training is ended",
    keep_running="leave the instance on; it still switches itself off when idle",
)
def train(
    workspace: Any,
    data: str = "",
    arch: str = "",
    epochs: int = 0,
    batch_size: int = 0,
    lr: float = 0.0,
    unfreeze: str = "",
    views: str = "",
    patience: int = 0,
    seed: str = "",
    pretrained: bool = True,
    weights: str = "",
    best_of: str = "",
    max_hours: float = 4.0,
    keep_running: bool = False,
) -> dict[str, Any]:
    """Train on the EC2 host through Systems Manager, and switch it off afterwards."""
    from kennel import terminal
    from kennel.aws import hosts, stack, training

    given = hyperparameters(
        pretrained,
        arch=arch,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        unfreeze=unfreeze,
        views=views,
        patience=patience,
        seed=seed,
    )
    with terminal.progress("ec2.train") as tell:
        stack_ = stack.outputs(workspace)
        request = training.compose(
            stack_,
            dataset=data,
            hyperparameters=given,
            best_of=best_of,
            weights=weights,
            maximum_seconds=round(max_hours * 3600),
        )
        record = hosts.train(workspace, stack_, request, keep_running=keep_running, progress=tell)
    terminal.table(record["job"], ("metric", "value"), sorted(record["metrics"].items()))
    terminal.say(f"package it with: ./kennel package --job {record['job']}")
    return record
