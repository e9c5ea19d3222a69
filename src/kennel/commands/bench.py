"""Benchmarks: ratios to a limit or to a baseline, measured on this machine."""

from __future__ import annotations

from typing import Any

from kennel.commands.task import kennel_task


@kennel_task(
    arch="efficientnet_lite0 or resnet50",
    photos="number of training photos of each of 25 classes",
    rounds="number of repetitions; the compared measurements alternate",
)
def training(arch: str = "efficientnet_lite0", photos: int = 8, rounds: int = 3) -> dict[str, Any]:
    """Measure the duration of training: features, epochs, hosts, trials; takes minutes."""
    from kennel import benchmarking, terminal

    with terminal.progress("bench.training") as progress:
        document = benchmarking.run(
            "training.py", ["--arch", arch, "--photos", str(photos), "--rounds", str(rounds)], progress
        )
    terminal.print_table("Training", ("ratio", "measured"), document["ratios"].items())
    return document
