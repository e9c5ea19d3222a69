"""The findings as SARIF 2.1.0, for code scanning and other readers of it."""

from __future__ import annotations

from typing import Any

from kennel.audit.account.audit import AccountReport
from kennel.audit.account.finding import RULES, AccountFinding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# SARIF has three levels; code scanning sorts by `security-severity`, a score as CVSS has it.
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


def sarif(report: AccountReport, version: str) -> dict[str, Any]:
    """Return the document.

    Parameters
    ----------
    version
        Kennel's.
    """
    rules = [
        {
            "id": name,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": f"{rule.title}: {rule.why}"},
            "help": {"text": f"Instead: {rule.remedy}."},
            "defaultConfiguration": {"level": LEVELS[rule.severity]},
            "properties": {"security-severity": SCORES[rule.severity], "tags": ["security"]},
        }
        for name, rule in RULES.items()
    ]
    driver = {"name": "kennel audit.account", "version": version, "rules": rules}
    results = [_result(finding) for finding in report.findings]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(finding: AccountFinding) -> dict[str, Any]:
    # Code scanning shows results with a file only: the ARN stands in its place.
    place = {"artifactLocation": {"uri": finding.resource.replace(":", "/")}, "region": {"startLine": 1}}
    return {
        "ruleId": finding.rule,
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.resource}: {RULES[finding.rule].title}: {finding.detail}"},
        "locations": [
            {
                "physicalLocation": place,
                "logicalLocations": [{"fullyQualifiedName": finding.resource, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"finding/v1": f"{finding.rule} {finding.resource}"},
    }
