"""The page of `demo.scaling`: traffic, instances and latency while an endpoint is scaled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kennel.report import page, time_charts

MINUTE = 60.0


def write(target: Path, document: dict[str, Any]) -> Path:
    """Write the page of a demonstration as a dictionary, and return its path."""
    minutes = document["minutes"]
    step = MINUTE * (minutes[-1] - minutes[0]) / max(1, len(minutes) - 1)
    known = [value for value in document["p95_ms"] if value is not None]
    text = page.render(
        "scaling.html",
        document=document,
        minutes=minutes[-1],
        most=max(document["instances"]),
        p95=max(known, default=0.0),
        traffic=time_charts.linear([document["requests"]], step, "requests a minute"),
        instances=time_charts.linear([document["instances"]], step, "instances", stairs=True),
        latency=time_charts.linear([document["p95_ms"]], step, "p95 (ms)"),
    )
    target.write_text(text, encoding="utf-8")
    return target
