"""What the audit cannot read is a finding: checkov would pass over it in silence."""

from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from statements import NOT_IAM, merged, of_document, policies, readable, unreadable_attachments


class ReadablePolicies(BaseResourceCheck):
    """Policies come from policy documents or are JSON; attached ones are known before Terraform runs."""

    def __init__(self) -> None:
        super().__init__(
            name="Ensure policies can be audited: write aws_iam_policy_document, not templates or files",
            id="CKV_KENNEL_10",
            categories=[CheckCategories.IAM],
            supported_resources=["aws_*"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Look at every policy that the resource carries or attaches; none, no result."""
        carried = [] if self.entity_type in NOT_IAM else list(policies(conf))
        if unreadable_attachments(conf) or not all(map(readable, carried)):
            return CheckResult.FAILED
        return CheckResult.PASSED if carried else CheckResult.UNKNOWN


class ReadableDocuments(BaseDataCheck):
    """Policy documents spell their actions out, and what they merge is readable too."""

    def __init__(self) -> None:
        super().__init__(
            name="Ensure policy documents can be audited: spell actions out, merge only documents",
            id="CKV_KENNEL_11",
            categories=[CheckCategories.IAM],
            supported_data=["aws_iam_policy_document"],
        )

    def scan_data_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Look at every statement's actions and at every merged policy."""
        hidden = any(statement.hidden for statement in of_document(conf))
        return CheckResult.FAILED if hidden or not all(map(readable, merged(conf))) else CheckResult.PASSED


carried = ReadablePolicies()
documents = ReadableDocuments()
