"""The tasks of the audits: what they print and write, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.__main__ import main
from kennel.audit.account import audit
from kennel.audit.account.audit import AccountReport
from kennel.audit.account.finding import AccountFinding

ROLE = "arn:aws:iam::123456789012:role/<weak>"
POLICY = {"Version": "2012-10-17", "Statement": []}


def answer(monkeypatch: pytest.MonkeyPatch, *findings: AccountFinding) -> dict[str, Any]:
    """Let the audit answer with these findings; return the arguments that it gets."""
    arguments: dict[str, Any] = {}
    report = AccountReport("123456789012", findings, {"bucket ACLs": "AccessDenied: no"}, 3, 2)

    def audit_account(*_: Any, **named: Any) -> AccountReport:
        arguments.update(named)
        return report

    monkeypatch.setattr(audit, "audit_account", audit_account)
    return arguments


def test_findings_are_printed_written_and_end_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = answer(monkeypatch, AccountFinding("ADMINISTRATOR", ROLE, "*", POLICY))
    files = [tmp_path / "new" / "account.sarif", tmp_path / "new" / "account.html"]
    options = ["--json", "--unused-days", "30", "--sarif", str(files[0]), "--html", str(files[1])]

    with pytest.raises(SystemExit) as ended:
        main(["kennel", "audit.account", *options])
    assert ended.value.code == 1

    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["counts"] == {"critical": 1, "high": 0, "medium": 0, "low": 0}
    assert document["findings"][0]["smallest_policy"] == POLICY
    assert "not known here: bucket ACLs: AccessDenied: no" in printed.err
    assert arguments["unused_days"] == 30
    assert json.loads(files[0].read_text())["runs"][0]["results"][0]["ruleId"] == "ADMINISTRATOR"
    page = files[1].read_text()
    assert "role/&lt;weak&gt;" in page
    assert "The smallest policy" in page


def test_no_finding_is_success_and_what_is_not_known_is_still_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answer(monkeypatch)
    page = tmp_path / "account.html"

    main(["kennel", "audit.account", "--html", str(page)])

    assert "3 roles and users, 2 buckets and functions: 0 findings" in capsys.readouterr().err
    assert "Nothing is to be reported." in page.read_text()
    assert "bucket ACLs" in page.read_text()
