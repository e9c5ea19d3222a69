"""The plot of a measurement: p50 and throughput of each target at each number of clients, for one photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLOURS = ("#8c510a", "#01665e", "#35978f", "#80cdc1", "#7a7a7a", "#a6a6a6", "#cfcfcf", "#542788", "#998ec3")


def draw(document: dict[str, Any], photo: str, path: Path) -> None:
    """Write the plot as SVG or PNG, as the name of its file ends."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.subplots(1, 2)
    targets, clients = document["targets"], document["clients"]
    width = 0.84 / len(targets)
    for axis, key, title in zip(
        axes,
        ("p50_ms", "per_second"),
        ("p50 in ms (less is better)", "answers a second (more is better)"),
        strict=True,
    ):
        for number, name in enumerate(targets):
            figures = document["figures"][photo][name]
            heights = [figures[str(count)][key] for count in clients]
            places = [place - 0.42 + width * (number + 0.5) for place in range(len(clients))]
            axis.bar(places, heights, width, label=name, color=COLOURS[number % len(COLOURS)])
        axis.set_xticks(range(len(clients)), [f"{count} client{'s' * (count > 1)}" for count in clients])
        axis.set_title(title, fontsize=11)
        axis.set_yscale("log")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", alpha=0.3)
        axis.set_axisbelow(True)
    described = document["photos"][photo]
    size = f"{described['width']} x {described['height']} pixels, {described['bytes'] / 1e6:.1f} MB"
    figure.suptitle(f"{document['arch']}, {photo} photo ({size}), {document['cores']} cores", fontsize=12)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
