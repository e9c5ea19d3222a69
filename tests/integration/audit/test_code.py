"""The audit of Terraform with deliberate mistakes; the check "checkov" audits the repository's own.

Each file of `checks/` holds the cases of one rule: resources whose names begin with `fail` must be refused,
and those that begin with `pass` must not.
"""

from __future__ import annotations

import pytest

from kennel.audit.code import AuditReport

from .conftest import ENTRIES, HERE

pytestmark = pytest.mark.slow  # `./kennel test --fast` runs without checkov and its environment
IDS = [check for entry in ENTRIES for check in entry.ids]
FILES = {
    "terraform/unreasoned.tf": "UNREASONED",
    "terraform/broken.tf": "UNREADABLE",
    "terraform/images.json": "IMAGE_END_OF_PATCH",
    ".github/workflows/open.yml": "CKV_GHA_2",
}


def name(resource: str) -> str:
    """Return the name that a resource has in the code."""
    return resource.split("[")[0].rpartition(".")[2]


@pytest.mark.parametrize("check", IDS)
def test_a_check_refuses_its_failing_case_and_passes_the_other(report: AuditReport, check: str) -> None:
    cases = [(finding, False) for finding in report.failed] + [(finding, True) for finding in report.passes]
    verdicts = [
        (name(finding.resource), passed, finding.resource)
        for finding, passed in cases
        if finding.check == check and finding.file.startswith("terraform/checks/")
    ]
    assert any(case.startswith("fail_") for case, passed, _ in verdicts if not passed)
    assert any(case.startswith("pass_") for case, passed, _ in verdicts if passed)
    assert not [resource for case, passed, resource in verdicts if case.startswith("pass_") and not passed]


def test_every_own_check_is_in_the_catalogue(report: AuditReport) -> None:
    checks = {finding.check for finding in (*report.failed, *report.passes)}
    assert {check for check in checks if check.startswith("CKV_KENNEL_")} == set(IDS)


@pytest.mark.parametrize("file", FILES)
def test_what_concerns_a_file_is_reported(report: AuditReport, file: str) -> None:
    assert FILES[file] in {finding.check for finding in report.failed if finding.file == file}


def test_nothing_is_reported_of_other_files(report: AuditReport) -> None:
    files = {finding.file for finding in report.failed}
    scanned = {f"terraform/{path.relative_to(HERE)}" for path in HERE.rglob("*.tf")}
    assert files - scanned - set(FILES) == {str(HERE / "weak_stack" / "plan.json")}
