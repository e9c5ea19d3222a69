"""The ratios of a measurement: our application against the course's handler, and against its own limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TORCHSERVE = "course on TorchServe"


def ratios(
    figures: Mapping[str, Any], memory: Mapping[str, float], runtimes: Sequence[str]
) -> dict[str, float]:
    """Return the ratios of one photo's figures.

    Parameters
    ----------
    figures
        Target, then number of clients, to ``p50_ms`` and ``per_second``.
    memory
        MB of each target's processes.
    """
    made: dict[str, float] = {}
    for runtime in runtimes:
        ours, limit, key = f"Kennel, {runtime}", f"limit, {runtime}", runtime.replace("-", "_")
        for clients in figures[ours]:
            mine, bare = figures[ours][clients], figures[limit][clients]
            made[f"{key}_overhead_p50_{clients}"] = round(mine["p50_ms"] / bare["p50_ms"] - 1, 3)
            if TORCHSERVE in figures:
                course = figures[TORCHSERVE][clients]
                made[f"{key}_p50_vs_torchserve_{clients}"] = round(mine["p50_ms"] / course["p50_ms"], 3)
                made[f"{key}_throughput_vs_torchserve_{clients}"] = round(
                    mine["per_second"] / course["per_second"], 2
                )
        if TORCHSERVE in memory:
            made[f"{key}_memory_vs_torchserve"] = round(memory[ours] / memory[TORCHSERVE], 3)
    return made
