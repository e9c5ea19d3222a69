"""Checks of the statements of a policy, in policy documents and in policies written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import catalogue
from catalogue import PREFIX, Entry
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from cloudsplaining.shared.utils import remove_wildcard_only_actions
from escalations import escalations
from policy_sentry.analysis.expand import determine_actions_to_expand
from rules import (
    creates_anything,
    grants_whole_service,
    lets_everyone_in,
    passes_any_role,
    starts_any_job,
    trusts_any_account,
)
from statements import NOT_IAM, TerraformStatement, as_json, of_document, of_json, policies

# Whether the statements of one policy violate a rule; the second argument is the block's for_each.
Rule = Callable[[list[TerraformStatement], Any], bool]
# The policy of a VPC endpoint grants nothing: it limits what the principals' own policies grant.
_LIMITING = ("aws_vpc_endpoint", "aws_vpc_endpoint_policy")


class DocumentStatementCheck(BaseDataCheck):
    """Apply a rule to the statements of ``aws_iam_policy_document``."""

    def __init__(self, entry: Entry, violated: Rule) -> None:
        self.violated = violated
        super().__init__(
            name=f"Ensure {entry.name}",
            id=f"{PREFIX}{entry.numbers[0]}",
            categories=[CheckCategories.IAM],
            supported_data=["aws_iam_policy_document"],
        )

    def scan_data_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Apply the rule to the document's statements."""
        failed = self.violated(of_document(conf), conf.get("for_each"))
        return CheckResult.FAILED if failed else CheckResult.PASSED


class JsonStatementCheck(BaseResourceCheck):
    """Apply a rule to the statements of policies that a resource contains as JSON."""

    def __init__(self, entry: Entry, violated: Rule) -> None:
        self.violated = violated
        super().__init__(
            name=f"Ensure {entry.name}",
            id=f"{PREFIX}{entry.numbers[1]}",
            categories=[CheckCategories.IAM],
            supported_resources=["aws_*"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Apply the rule to the statements of every policy; UNKNOWN if there is none."""
        json_policies = [policy for policy in map(as_json, policies(conf)) if policy is not None]
        if not json_policies or self.entity_type in (*NOT_IAM, *_LIMITING):
            return CheckResult.UNKNOWN
        failed = any(self.violated(of_json(policy), conf.get("for_each")) for policy in json_policies)
        return CheckResult.FAILED if failed else CheckResult.PASSED


def _each(violated: Callable[[TerraformStatement], bool]) -> Rule:
    """Return a rule that a policy violates with a single statement."""
    return lambda statements, _: any(map(violated, statements))


@lru_cache(1000)
def _with_resource_type(pattern: str) -> tuple[str, ...]:
    return tuple(remove_wildcard_only_actions(determine_actions_to_expand([pattern])))


def _expand(patterns: list[str]) -> list[str]:
    return [action for pattern in patterns for action in _with_resource_type(pattern)]


_RULES: list[tuple[Entry, Rule]] = [
    (catalogue.WHOLE_SERVICE, _each(grants_whole_service)),
    (catalogue.PASS_ROLE, _each(passes_any_role)),
    (
        catalogue.SOURCE_ACCOUNT,
        lambda statements, loop: any(trusts_any_account(statement, loop) for statement in statements),
    ),
    (catalogue.PUBLIC_POLICY, _each(lets_everyone_in)),
    (catalogue.ESCALATION, lambda statements, _: bool(escalations(statements))),
    (catalogue.CREATE_ANYTHING, _each(lambda statement: creates_anything(statement, _expand))),
    (catalogue.UNRESTRICTED_JOBS, _each(starts_any_job)),
]

checks = [
    check
    for entry, rule in _RULES
    for check in (DocumentStatementCheck(entry, rule), JsonStatementCheck(entry, rule))
]
