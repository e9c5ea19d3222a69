"""Checks that no AWS-managed policy that grants whole services is attached, in any form."""

from __future__ import annotations

from typing import Any

from catalogue import BROAD_POLICY
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.module.base_module_check import BaseModuleCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from statements import broad_policy


def _result(conf: Any) -> CheckResult:
    return CheckResult.FAILED if broad_policy(conf) else CheckResult.PASSED


class BroadPolicyAttached(BaseResourceCheck):
    """Check attachments and ``managed_policy_arns``: literal names, ARNs, loops, interpolations."""

    def __init__(self) -> None:
        super().__init__(
            name=f"Ensure {BROAD_POLICY.name}",
            id=BROAD_POLICY.ids[0],
            categories=[CheckCategories.IAM],
            supported_resources=["aws_iam_*", "aws_ssoadmin_*"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Search all strings of the resource."""
        return _result(conf)


class BroadPolicyLookedUp(BaseDataCheck):
    """Check data sources: an attachment through one names the policy only there."""

    def __init__(self) -> None:
        super().__init__(
            name=f"Ensure {BROAD_POLICY.name}",
            id=BROAD_POLICY.ids[1],
            categories=[CheckCategories.IAM],
            supported_data=["aws_iam_policy"],
        )

    def scan_data_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Search all strings of the data source."""
        return _result(conf)


class BroadPolicyPassed(BaseModuleCheck):
    """Check module arguments: an attachment inside a module receives the policy as an argument."""

    def __init__(self) -> None:
        super().__init__(
            name=f"Ensure {BROAD_POLICY.name}",
            id=BROAD_POLICY.ids[2],
            categories=[CheckCategories.IAM],
        )

    def scan_module_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Search all arguments of the module."""
        return _result(conf)


attached = BroadPolicyAttached()
looked_up = BroadPolicyLookedUp()
passed = BroadPolicyPassed()
