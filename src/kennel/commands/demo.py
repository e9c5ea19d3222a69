"""Demonstrations."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from kennel.commands.task import ROOT, kennel_task
from kennel.commands.values import Number

FOLDER = ROOT / "build" / "scaling-demo"
LAUNCH_SECONDS = 120.0  # of an instance, by the clock; SageMaker takes longer, see docs/deployments.md


@kennel_task(speed="seconds of the clock in one second")
def scaling(speed: Annotated[float, Number(10, 120, whole=False)] = 60.0) -> dict[str, Any]:
    """Show an endpoint that scales out under load and in again, on a local cloud whose clock runs fast."""
    from kennel import scaling_demo, terminal
    from kennel.localcloud.connection import administer
    from kennel.localcloud.ephemeral import EphemeralCloud
    from kennel.report import scaling_page
    from kennel.scaling_demo import endpoint, run

    cloud = EphemeralCloud(FOLDER / "cloud")
    with terminal.progress("scaling") as progress:
        try:
            variables = cloud.start(progress)
            os.environ.update(variables)
            endpoint.create(run.POLICY, progress)
            administer(variables, "endpoints", launch=LAUNCH_SECONDS)
            administer(variables, "clock", speed=speed)

            def now() -> datetime:
                return datetime.fromisoformat(administer(variables, "clock")["now"])

            shown = scaling_demo.demonstrate(now, speed, progress)
        finally:
            cloud.stop()
    page = scaling_page.write(FOLDER / "scaling.html", asdict(shown))
    rows = [(each["minute"], each["description"], each["status"]) for each in shown.activities]
    terminal.print_table("Scaling", ("minute", "what", "status"), rows)
    terminal.print_line(f"{shown.failed} of {shown.sent} requests failed; the plot: {_relative(page)}")
    ok = shown.most == run.POLICY.most and shown.back and not shown.failed
    return {"ok": ok, "speed": speed, **asdict(shown), "page": str(page)}


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
