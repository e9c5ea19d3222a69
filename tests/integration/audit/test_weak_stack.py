"""A stack with twenty weaknesses: how many checkov finds by itself, and that the audit finds all."""

from __future__ import annotations

import pytest

from kennel.audit.code import AuditReport

from .conftest import PLAN

pytestmark = pytest.mark.slow  # `./kennel test --fast` runs without checkov and its environment

# The checks that state the weakness. checkov's own also report others, such as a missing key.
WEAKNESSES = {
    "w01_literal_bucket": ("CKV_KENNEL_12",),
    "w02_granted_to_everyone": ("CKV2_AWS_43", "CKV_KENNEL_12"),
    "w03_everyone_reads": ("CKV_AWS_70", "CKV_KENNEL_14"),
    "w04_everyone_publishes": ("CKV_KENNEL_14",),
    "w05_pass_and_create_function": ("CKV_KENNEL_16",),
    "w06_pass_and_create_notebook": ("CKV_KENNEL_15",),
    "w07_policy_version": ("CKV_KENNEL_15",),
    "w08_attach_policy": ("CKV_KENNEL_16",),
    "w09_put_policy": ("CKV_AWS_109", "CKV_KENNEL_15"),
    "w10_change_trust": ("CKV_KENNEL_15",),
    "w11_any_endpoint": ("CKV_AWS_356", "CKV_KENNEL_17"),
    "w12_create_anything": ("CKV_AWS_290", "CKV_KENNEL_18"),
    "w13_jobs_anywhere": ("CKV_KENNEL_21",),
    "w14_rendered": ("CKV_KENNEL_5",),
    "w15_named_by_a_variable": ("CKV_KENNEL_1",),
    "w16_no_authorization": ("CKV_AWS_258",),
    "w17_internet_by_default": ("CKV_KENNEL_19",),
    "w18_root": ("CKV_AWS_307",),
    "w19_open_training": ("CKV_KENNEL_20",),
    "w20_unencrypted_training": ("CKV_KENNEL_20",),
}
BY_CHECKOV = 7  # of the twenty, by checkov's own checks of the code
IN_THE_PLAN_ONLY = {"w14_rendered", "w15_named_by_a_variable"}


def stated(report: AuditReport, *, own: bool = True, plan: bool = True) -> set[str]:
    """Return the weaknesses that a failed check states."""
    failed = [finding for finding in report.failed if plan or finding.file != str(PLAN)]
    return {
        weakness
        for weakness, checks in WEAKNESSES.items()
        for finding in failed
        if finding.check in checks
        and finding.resource.endswith(f".{weakness}")
        and (own or not finding.check.startswith("CKV_KENNEL_"))
    }


def test_all_twenty_are_reported(report: AuditReport) -> None:
    assert len(WEAKNESSES) == 20
    assert set(WEAKNESSES) - stated(report) == set()


def test_checkov_by_itself_finds_fewer(report: AuditReport) -> None:
    assert len(stated(report, own=False, plan=False)) == BY_CHECKOV


def test_the_code_alone_hides_what_is_inserted(report: AuditReport) -> None:
    assert set(WEAKNESSES) - stated(report, plan=False) == IN_THE_PLAN_ONLY


def test_a_rendered_or_variable_policy_is_refused_in_the_code_as_unreadable(report: AuditReport) -> None:
    unreadable = {finding.resource for finding in report.failed if finding.check == "CKV_KENNEL_10"}
    assert {f"aws_iam_role_policy.{name}" for name in ("w14_rendered",)} <= unreadable
    assert "aws_iam_role_policy_attachment.w15_named_by_a_variable" in unreadable
