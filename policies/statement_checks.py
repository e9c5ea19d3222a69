"""What no statement may do, in policy documents and in policies written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from rules import passes_any_role, too_wide, unvouched_trust
from statements import Statement, as_json, of_document, of_json, policies

Rule = Callable[[Statement, Any], bool]


class InDocument(BaseDataCheck):
    """A rule for the statements of ``aws_iam_policy_document``."""

    def __init__(self, number: int, name: str, broken: Rule) -> None:
        self.broken = broken
        super().__init__(
            name=name,
            id=f"CKV_KENNEL_{number}",
            categories=[CheckCategories.IAM],
            supported_data=["aws_iam_policy_document"],
        )

    def scan_data_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Apply the rule to every statement."""
        failed = any(self.broken(statement, conf.get("for_each")) for statement in of_document(conf))
        return CheckResult.FAILED if failed else CheckResult.PASSED


class InJson(BaseResourceCheck):
    """The same rule for policies that a resource carries as JSON."""

    def __init__(self, number: int, name: str, broken: Rule) -> None:
        self.broken = broken
        super().__init__(
            name=name,
            id=f"CKV_KENNEL_{number}",
            categories=[CheckCategories.IAM],
            supported_resources=["aws_*"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Apply the rule to every statement of every policy; no policy, no result."""
        found = [policy for policy in map(as_json, policies(conf)) if policy is not None]
        if not found:
            return CheckResult.UNKNOWN
        failed = any(
            self.broken(statement, conf.get("for_each")) for policy in found for statement in of_json(policy)
        )
        return CheckResult.FAILED if failed else CheckResult.PASSED


_RULES: list[tuple[str, Rule]] = [
    ("Ensure no policy allows all actions, or all of a service", lambda one, _: too_wide(one)),
    ("Ensure iam:PassRole names its roles and their service", lambda one, _: passes_any_role(one)),
    ("Ensure SageMaker and Lambda assume roles for this account only (aws:SourceAccount)", unvouched_trust),
]

checks = [
    check
    for position, (name, rule) in enumerate(_RULES)
    for check in (InDocument(4 + 2 * position, name, rule), InJson(5 + 2 * position, name, rule))
]
