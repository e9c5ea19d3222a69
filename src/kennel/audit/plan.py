"""What a plan does not know yet, and so no check of it sees."""

from __future__ import annotations

import json
from pathlib import Path

from kennel.audit import AuditError

POLICIES = (
    "policy",
    "assume_role_policy",
    "inline_policy",
    "policy_arn",
    "pipeline_definition",
    "definition",
)


def unknown(plan: Path) -> list[str]:
    """Return the addresses of resources whose policies are known after an apply only.

    Parameters
    ----------
    plan
        ``terraform show -json`` of a plan.

    Raises
    ------
    AuditError
        The file is no such document.
    """
    try:
        changes = json.loads(plan.read_text(encoding="utf-8"))["resource_changes"]
        return sorted(
            change["address"]
            for change in changes
            if any((change["change"].get("after_unknown") or {}).get(name) is True for name in POLICIES)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError(f"{plan} is no plan: write one with terraform show -json PLAN > {plan}") from error
