"""Audits of the Terraform code, and of the account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from kennel.commands.task import ROOT, kennel_task
from kennel.commands.values import FilePath, Number
from kennel.errors import UsageError


@kennel_task(
    sarif="file to which the findings are also written, as SARIF",
    plan="a plan as JSON (terraform show -json), which is audited too",
    advisories="ask PyPI for known vulnerabilities of the pinned packages",
)
def code(
    sarif: Annotated[str | None, FilePath()] = None,
    plan: Annotated[str | None, FilePath()] = None,
    advisories: bool = False,
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
            look_up=advisories,
            progress=progress,
        )
    for line in report.lines():
        terminal.print_line(line)
    return report.as_dict()


@kennel_task(
    unused_days="roles and users count as unused that made no call for so many days",
    key_days="access keys count as old after so many days",
    sarif="file to which the findings are also written, as SARIF",
    html="file to which the findings are also written, as a page",
)
def account(
    unused_days: Annotated[int, Number(1, 400)] = 90,
    key_days: Annotated[int, Number(1, 3650)] = 90,
    sarif: Annotated[str | None, FilePath()] = None,
    html: Annotated[str | None, FilePath()] = None,
) -> dict[str, Any]:
    """Audit roles, users, buckets, functions of the account; changes nothing; exit code 1 on any finding."""
    from kennel import terminal
    from kennel.audit.account.audit import audit_account
    from kennel.audit.account.sarif import sarif as as_sarif
    from kennel.aws import session
    from kennel.report import account_page
    from kennel.version import VERSION

    with terminal.progress("audit.account") as progress:
        report = audit_account(
            session.client, ROOT, unused_days=unused_days, key_days=key_days, progress=progress
        )
    document = report.as_dict()
    rows = [
        (each["severity"], each["rule"], each["resource"], f"{each['title']}: {each['detail']}")
        for each in document["findings"]
    ]
    columns = ("severity", "rule", "resource", "finding")
    terminal.print_table(f"Account {report.account}", columns, rows, grouped=True)
    for what, reason in report.unknown.items():
        terminal.print_line(f"not known here: {what}: {reason}")
    terminal.print_line(
        f"{report.identities} roles and users, {report.resources} buckets and functions: "
        f"{len(report.findings)} findings"
    )
    if sarif:
        _write(sarif, json.dumps(as_sarif(report, VERSION), indent=2) + "\n")
    if html:
        _write(html, account_page.page_of(document))
    return document


def _write(file: str, text: str) -> None:
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
