"""The page of the task `capacity`: what each way of serving gave, and plots of one of them over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kennel.report import page, time_charts

Document = dict[str, Any]


def write(target: Path, document: Document) -> Path:
    """Write the page of a document of `kennel.capacity.document` and return its path."""
    series = document["series"]
    step = series["step"]
    rates = [requests / step for requests in series["requests"]]
    refused = [requests / step for requests in series["refused"]]
    target.parent.mkdir(parents=True, exist_ok=True)
    text = page.render(
        "capacity.html",
        document=document,
        shown=document["ways"][document["shown"]],
        traffic=time_charts.linear([rates, refused], step, "requests a second"),
        instances=time_charts.linear([series["instances"]], step, "instances", stairs=True),
        latency=time_charts.logarithmic([series["p50_ms"], series["p99_ms"]], step, "latency (ms)"),
    )
    target.write_text(text, encoding="utf-8")
    return target
