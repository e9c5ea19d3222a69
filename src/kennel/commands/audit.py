"""Audits of the Terraform code by checkov and the project's own checks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from kennel.commands.task import ROOT, kennel_task
from kennel.commands.values import FilePath
from kennel.errors import UsageError


@kennel_task(
    sarif="file to which the findings are also written, as SARIF",
    plan="a plan as JSON (terraform show -json), which is audited too",
)
def code(
    sarif: Annotated[str | None, FilePath()] = None, plan: Annotated[str | None, FilePath()] = None
) -> dict[str, Any]:
    """Scan terraform/, a plan, the Dockerfile, the workflows, AWS's images; exit code 1 on any finding."""
    from kennel import terminal
    from kennel.audit.code import audit_code

    if plan and not Path(plan).is_file():
        raise UsageError(f"there is no plan {plan}: write one with terraform show -json PLAN > {plan}")
    with terminal.progress("checkov") as progress:
        report = audit_code(
            ROOT,
            sarif=Path(sarif) if sarif else None,
            plan=Path(plan).resolve() if plan else None,
            progress=progress,
        )
    for line in report.lines():
        terminal.print_line(line)
    return report.as_dict()
