"""The rehearsal, and all checks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from kennel.commands.task import REHEARSAL, ROOT, kennel_task


@kennel_task(
    photo="the photo to predict (default: one of the test photos)",
    data="a folder of photos, train|valid|test/NNN.Breed/ (default: drawn photos)",
    keep="leave the cloud and the stack running at the end",
)
def rehearse(photo: str | None = None, data: str | None = None, keep: bool = False) -> dict[str, Any]:
    """Run the whole way, from photos to a prediction, on a new local cloud."""
    from kennel import rehearsal, terminal
    from kennel.localcloud.ephemeral import EphemeralCloud
    from kennel.report import rehearsal_page

    cloud = EphemeralCloud(REHEARSAL / "cloud")
    result = rehearsal.rehearse(cloud, REHEARSAL, photo=photo, data=Path(data) if data else None, keep=keep)
    document = rehearsal.as_dict(result)
    history = REHEARSAL / "stack" / "release" / "content" / "history.csv"
    page = rehearsal_page.write(REHEARSAL / "report.html", document, cloud.audit_log(), history)
    rows = [("✓" if step["ok"] else "✗", step["name"], step["seconds"]) for step in result.steps]
    terminal.print_table("Rehearsal", ("", "step", "seconds"), [*rows, ("", "total", result.seconds)])
    if result.answer and result.answer["top"]:
        best = result.answer["top"][0]
        logits = len(result.answer["logits"])
        terminal.print_line(f"{result.photo}: {best['breed']} ({best['probability']:.2f}), {logits} logits")
    terminal.print_line(f"report: {page}")
    if keep:
        terminal.print_line(f'kept: eval "$(./kennel local.env --directory {cloud.directory})"')
    if result.error:
        terminal.print_error(
            f"{result.error} (see {cloud.directory / 'service.log'}, or run again with --keep)"
        )
    return document


@kennel_task(called="test", fast="leave out what takes minutes")
def run_checks(fast: bool = False) -> dict[str, Any]:
    """Run all checks: format, imports, types, dead code, Terraform, checkov, and the tests."""
    from kennel import terminal
    from kennel.checks import catalogue, schedule
    from kennel.checks.programs import Programs
    from kennel.checks.summary import Summary

    started = time.monotonic()
    programs = Programs(ROOT)
    checks = catalogue.checks(ROOT, programs, fast=fast)
    with terminal.Steps([check.name for check in checks]) as display:
        outcomes = schedule.run(checks, programs, display)
    summary = Summary(outcomes, round(time.monotonic() - started, 1))
    for outcome in summary.failed:
        terminal.print_line(f"── {outcome.name}\n{outcome.result.output.rstrip()}")
    terminal.print_table("Checks", ("", "check", "seconds", "result"), summary.rows())
    if summary.failed:
        terminal.print_error(f"failed: {', '.join(outcome.name for outcome in summary.failed)}")
    terminal.print_line(str(summary.tests))  # the last line: continuous integration looks for it
    return summary.as_dict()
