"""Audits of the Terraform code by checkov and the project's own checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kennel.commands.task import ROOT, kennel_task


@kennel_task(sarif="file to which the findings are also written, as SARIF")
def code(sarif: str = "") -> dict[str, Any]:
    """Scan terraform/ and the Dockerfile, AWS's images for their end; exit code 1 on any finding."""
    from kennel import terminal
    from kennel.audit.code import audit_code

    with terminal.progress("checkov") as progress:
        report = audit_code(ROOT, sarif=Path(sarif) if sarif else None, progress=progress)
    for line in report.lines():
        terminal.print_line(line)
    return report.as_dict()
