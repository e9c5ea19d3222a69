"""All checks."""

from __future__ import annotations

import time
from typing import Any

from kennel.commands.task import ROOT, kennel_task


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
    terminal.print_table("Checks", ("", "check", "seconds", "processor seconds", "result"), summary.rows())
    if summary.failed:
        terminal.print_error(f"failed: {', '.join(outcome.name for outcome in summary.failed)}")
    terminal.print_line(str(summary.tests))  # the last line: continuous integration looks for it
    return summary.as_dict()
