"""Checks of single resources: public ACLs, notebooks with internet, training in pipelines."""

from __future__ import annotations

from typing import Any

import catalogue
from catalogue import Entry
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from jobs import ACL_ATTRIBUTES, DEFINITIONS, open_jobs, public_acl
from statements import as_json, texts

# The setting that takes the internet away, by resource type.
_WITHOUT_INTERNET = {
    "aws_sagemaker_notebook_instance": ("direct_internet_access", "Disabled"),
    "aws_sagemaker_domain": ("app_network_access_type", "VpcOnly"),
}


class _Check(BaseResourceCheck):
    """A check of an entry of the catalogue with one id."""

    def __init__(self, entry: Entry, *resources: str) -> None:
        super().__init__(
            name=f"Ensure {entry.name}",
            id=entry.ids[0],
            categories=[CheckCategories.GENERAL_SECURITY],
            supported_resources=list(resources),
        )


class PublicAcl(_Check):
    """Check ACLs of buckets wherever they are, however the bucket is named."""

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Check canned ACLs and grants."""
        if not any(conf.get(name) for name in ACL_ATTRIBUTES):
            return CheckResult.UNKNOWN
        return CheckResult.FAILED if public_acl(conf) else CheckResult.PASSED


class NotebookInternet(_Check):
    """Check that notebooks and domains say that they have no direct internet access."""

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Check the setting: absent means access."""
        name, expected = _WITHOUT_INTERNET[self.entity_type]
        return CheckResult.PASSED if list(texts(conf.get(name))) == [expected] else CheckResult.FAILED


class IsolatedJobs(_Check):
    """Check the training that definitions describe."""

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        """Check every job of the definition; UNKNOWN if it is no JSON yet."""
        definitions = [as_json(value) for value in conf.get(DEFINITIONS[self.entity_type]) or []]
        if not definitions or None in definitions:
            return CheckResult.UNKNOWN
        return CheckResult.FAILED if any(map(open_jobs, definitions)) else CheckResult.PASSED


checks = [
    PublicAcl(
        catalogue.PUBLIC_ACL, "aws_s3_bucket", "aws_s3_bucket_acl", "aws_s3_object", "aws_s3_bucket_object"
    ),
    NotebookInternet(catalogue.NOTEBOOK_INTERNET, *_WITHOUT_INTERNET),
    IsolatedJobs(catalogue.ISOLATED_JOBS, *DEFINITIONS),
]
