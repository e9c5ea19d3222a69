"""Benchmarks: ratios to a limit or to a baseline, measured on this machine."""

from __future__ import annotations

from typing import Annotated, Any

from kennel.commands.known_names import Architecture
from kennel.commands.task import kennel_task
from kennel.commands.values import Number


@kennel_task(
    arch="efficientnet_lite0 or resnet50",
    photos="number of training photos of each of 25 classes",
    rounds="number of repetitions; the compared measurements alternate",
)
def training(
    arch: Annotated[str, Architecture()] = "efficientnet_lite0",
    photos: Annotated[int, Number(1)] = 8,
    rounds: Annotated[int, Number(1)] = 3,
) -> dict[str, Any]:
    """Measure the duration of training: features, epochs, hosts, trials; takes minutes."""
    from kennel import benchmarking, terminal

    with terminal.progress("bench.training") as progress:
        document = benchmarking.run(
            "training.py", ["--arch", arch, "--photos", str(photos), "--rounds", str(rounds)], progress
        )
    terminal.print_table("Training", ("ratio", "measured"), document["ratios"].items())
    return document
