"""Checks that policies can be audited: checkov skips silently what it cannot evaluate."""

from __future__ import annotations

from typing import Any

from catalogue import READABLE_DOCUMENT, READABLE_RESOURCE
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from statements import NOT_IAM, merged, of_document, policies, readable, unreadable_attachments


class ReadablePolicies(BaseResourceCheck):
    """Check that policies are policy documents or JSON, and that attached policies are known statically."""

    def __init__(self) -> None:
        super().__init__(
            name=f"Ensure {READABLE_RESOURCE.name}",
            id=READABLE_RESOURCE.ids[0],
            categories=[CheckCategories.IAM],
            supported_resources=["aws_*"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Check every policy that the resource contains or attaches; UNKNOWN if there is none."""
        contained = [] if self.entity_type in NOT_IAM else list(policies(conf))
        if unreadable_attachments(conf) or not all(map(readable, contained)):
            return CheckResult.FAILED
        return CheckResult.PASSED if contained else CheckResult.UNKNOWN


class ReadableDocuments(BaseDataCheck):
    """Check that policy documents list their actions literally, and merge only readable policies."""

    def __init__(self) -> None:
        super().__init__(
            name=f"Ensure {READABLE_DOCUMENT.name}",
            id=READABLE_DOCUMENT.ids[0],
            categories=[CheckCategories.IAM],
            supported_data=["aws_iam_policy_document"],
        )

    def scan_data_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Check the actions of every statement, and every merged policy."""
        unreadable = any(statement.unreadable for statement in of_document(conf))
        return (
            CheckResult.FAILED if unreadable or not all(map(readable, merged(conf))) else CheckResult.PASSED
        )


resource_policies = ReadablePolicies()
documents = ReadableDocuments()
