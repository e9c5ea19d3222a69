"""The EC2 way: train on the stack's own host."""

from __future__ import annotations

from typing import Annotated, Any

from kennel.aws.training import pretrained
from kennel.commands.task import kennel_task
from kennel.commands.training_options import TRAINED_WITH, help_for, takes_hyperparameters
from kennel.commands.values import Choice, DatasetName, Number


@kennel_task(
    cloud=True,
    **help_for(
        *TRAINED_WITH,
        *("data", "weights", "best_of"),
        max_hours="hours after which the training is ended",
        keep_running="leave the instance on; it still switches itself off when idle",
    ),
)
@takes_hyperparameters(*TRAINED_WITH)
def train(
    workspace: Any,
    hyperparameters: dict[str, str],
    data: Annotated[str | None, DatasetName()] = None,
    weights: Annotated[str | None, Choice(*pretrained.SOURCES)] = None,
    best_of: str | None = None,
    max_hours: Annotated[float, Number(0.1, 120, whole=False)] = 4.0,
    keep_running: bool = False,
) -> dict[str, Any]:
    """Train on the EC2 host through Systems Manager, and switch it off afterwards."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import hosts, training_jobs

    with terminal.progress("ec2.train") as progress:
        stack_ = stack.outputs(workspace)
        request = training_jobs.compose(
            stack_,
            dataset=data,
            hyperparameters=hyperparameters,
            best_of=best_of,
            weights=weights,
            maximum_seconds=round(max_hours * 3600),
        )
        record = hosts.train(workspace, stack_, request, keep_running=keep_running, progress=progress)
    terminal.print_table(record["job"], ("metric", "value"), sorted(record["metrics"].items()))
    terminal.print_line(f"package it with: ./kennel package --job {record['job']}")
    return record
