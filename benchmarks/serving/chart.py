"""The plot of a measurement: p50 and throughput of each target at each number of clients, for one photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLOURS, MARKERS = ("#01665e", "#bf812d", "#762a83", "#555555"), "osD^"
PANELS = (("p50_ms", "p50 in ms, left is better"), ("per_second", "answers a second, right is better"))


def draw(document: dict[str, Any], photo: str, path: Path) -> None:
    """Write the plot as SVG or PNG, as the name of its file ends: one row for each target, logarithmic."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    targets, figures = document["targets"], document["figures"][photo]
    figure = Figure(figsize=(11, 1.9 + 0.34 * len(targets)), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    rows = range(len(targets))
    for axis, (key, title) in zip(axes, PANELS, strict=True):
        for number, clients in enumerate(document["clients"]):
            values = [figures[name][str(clients)][key] for name in targets]
            style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
            label = f"{clients} client{'s' * (clients > 1)}"
            axis.plot(values, rows, linestyle="", markersize=7, label=label, **style)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(title)
        axis.set_yticks(rows, targets)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
        axis.set_axisbelow(True)
    axes[0].invert_yaxis()
    described = document["photos"][photo]
    size = f"{described['width']} x {described['height']} pixels, {described['bytes'] / 1e6:.2f} MB"
    figure.suptitle(f"{document['arch']}, {photo} photo ({size}), {document['cores']} cores", fontsize=12)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
