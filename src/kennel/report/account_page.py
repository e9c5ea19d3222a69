"""The page of the task `audit.account`: each finding with its reason, its remedy and the smallest policy."""

from __future__ import annotations

import json
from typing import Any

from kennel.report import page


def page_of(document: dict[str, Any]) -> str:
    """Return the HTML of the document that the task prints with ``--json``."""
    findings = [{**finding, "policy": _text(finding["smallest_policy"])} for finding in document["findings"]]
    return page.render("account.html", document=document, findings=findings)


def _text(policy: dict[str, Any] | None) -> str:
    return json.dumps(policy, indent=2) if policy else ""
