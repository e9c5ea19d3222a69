"""Checks of single statements, in policy documents and in policies written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from rules import grants_whole_service, passes_any_role, trusts_any_account
from statements import TerraformStatement, as_json, of_document, of_json, policies

Rule = Callable[[TerraformStatement, Any], bool]


class DocumentStatementCheck(BaseDataCheck):
    """Apply a rule to the statements of ``aws_iam_policy_document``."""

    def __init__(self, number: int, name: str, violated: Rule) -> None:
        self.violated = violated
        super().__init__(
            name=name,
            id=f"CKV_KENNEL_{number}",
            categories=[CheckCategories.IAM],
            supported_data=["aws_iam_policy_document"],
        )

    def scan_data_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Apply the rule to every statement."""
        failed = any(self.violated(statement, conf.get("for_each")) for statement in of_document(conf))
        return CheckResult.FAILED if failed else CheckResult.PASSED


class JsonStatementCheck(BaseResourceCheck):
    """Apply a rule to the statements of policies that a resource contains as JSON."""

    def __init__(self, number: int, name: str, violated: Rule) -> None:
        self.violated = violated
        super().__init__(
            name=name,
            id=f"CKV_KENNEL_{number}",
            categories=[CheckCategories.IAM],
            supported_resources=["aws_*"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Apply the rule to every statement of every policy; UNKNOWN if there is none."""
        json_policies = [policy for policy in map(as_json, policies(conf)) if policy is not None]
        if not json_policies:
            return CheckResult.UNKNOWN
        failed = any(
            self.violated(statement, conf.get("for_each"))
            for policy in json_policies
            for statement in of_json(policy)
        )
        return CheckResult.FAILED if failed else CheckResult.PASSED


_RULES: list[tuple[str, Rule]] = [
    (
        "Ensure no policy allows all actions, or all of a service",
        lambda statement, _: grants_whole_service(statement),
    ),
    (
        "Ensure iam:PassRole names its roles and their service",
        lambda statement, _: passes_any_role(statement),
    ),
    (
        "Ensure SageMaker and Lambda assume roles for this account only (aws:SourceAccount)",
        trusts_any_account,
    ),
]

checks = [
    check
    for position, (name, rule) in enumerate(_RULES)
    for check in (
        DocumentStatementCheck(4 + 2 * position, name, rule),
        JsonStatementCheck(5 + 2 * position, name, rule),
    )
]
