"""Audits: what checkov and Kennel's own checks say of the Terraform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kennel.commands.task import ROOT, kennel_task


@kennel_task(sarif="also write the findings as SARIF to this file")
def code(sarif: str = "") -> dict[str, Any]:
    """Scan terraform/ with checkov and the project's own checks; exit code 1 on any finding."""
    from kennel import terminal
    from kennel.audit.code import audit_code

    with terminal.progress("checkov") as tell:
        report = audit_code(ROOT, sarif=Path(sarif) if sarif else None, progress=tell)
    for line in report.lines():
        terminal.say(line)
    return report.as_dict()
