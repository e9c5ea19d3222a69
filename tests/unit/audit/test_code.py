"""How the audit reports checkov's results, and what checkov does not report."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kennel.audit import AuditError
from kennel.audit.code import audit_code

NOT_LOOKED_UP = "advisories were not looked up: --advisories asks PyPI for them"


def result(check: str, resource: str, line: int = 1, **more: Any) -> dict[str, Any]:
    """Return one check's result as checkov writes it."""
    return {
        "check_id": check,
        "check_name": f"Ensure {check}",
        "resource": resource,
        "file_path": "/terraform/main.tf",
        "file_line_range": [line, line + 1],
        "check_result": {"result": "?", **more},
    }


def results(**lists: list[Any]) -> dict[str, Any]:
    """Return the results of one framework, empty but for these."""
    names = ("passed_checks", "failed_checks", "skipped_checks", "parsing_errors")
    return {name: lists.get(name, []) for name in names}


class Checkout:
    """A checkout whose checkov writes the results that a test sets."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("terraform", "policies"):
            (root / name).mkdir()
        (root / ".checkov.yaml").write_text("framework: [terraform]\n")
        self.write_images("2027-07-20")
        self.results = results(passed_checks=[result("CKV_KENNEL_3", "m")])
        self.others: dict[str, dict[str, Any]] = {}  # of other frameworks, by their names

    def write_images(self, end_of_patch: str, **more: Any) -> None:
        """Write a table with one image for training."""
        image = {"repository": "pytorch", "tag": "2.13", "python": "3.12", "source": "https://github.com/x"}
        table = {"training": {"cpu": {**image, "end_of_patch": end_of_patch, **more}}, "inference": {}}
        (self.root / "terraform" / "images.json").write_text(json.dumps(table, indent=2))

    def audit(self, sarif: Path | None = None, plan: Path | None = None) -> Any:
        """Run the audit with a script in place of checkov."""
        written = self.root / "written.json"
        reports = {"terraform": self.results, **self.others}
        written.write_text(
            json.dumps([{"check_type": name, "results": each} for name, each in reports.items()])
        )
        python = self.root / "python"
        python.write_text(
            f'#!/bin/sh\necho "$HOME" > "{self.root}/home"\necho "$@" > "{self.root}/arguments"\n'
            f'find . -type f > "{self.root}/staged"\nfor last; do :; done\nmkdir -p "$last"\n'
            f'cp "{written}" "$last/results_json.json"\necho "{{}}" > "$last/results_sarif.sarif"\n'
        )
        python.chmod(0o755)
        return audit_code(self.root, sarif, plan=plan, python=python, today=date(2026, 11, 27))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout without findings."""
    return Checkout(tmp_path)


def test_no_findings_is_ok(checkout: Checkout) -> None:
    report = checkout.audit()
    assert report.ok
    assert report.lines() == [NOT_LOOKED_UP, "1 passed, 0 failed, 0 suppressed with a reason"]


def test_a_failure_names_its_place(checkout: Checkout) -> None:
    checkout.results["failed_checks"] = [result("CKV_AWS_20", "aws_s3_bucket.a", 7)]
    report = checkout.audit()
    assert not report.ok
    assert report.lines()[0] == "terraform/main.tf:7: CKV_AWS_20: Ensure CKV_AWS_20 (aws_s3_bucket.a)"
    assert report.as_dict()["ok"] is False


def test_a_suppression_keeps_its_reason(checkout: Checkout) -> None:
    checkout.results["skipped_checks"] = [result("CKV_AWS_1", "a", suppress_comment=" one region by design")]
    report = checkout.audit()
    assert report.ok
    assert [finding.reason for finding in report.skipped] == ["one region by design"]


@pytest.mark.parametrize(
    "comment", ["#checkov:skip=CKV_AWS_20", "# checkov:skip=CKV_AWS_20: ", "#checkov:skip=CKV_AWS_20:ok"]
)
def test_a_suppression_without_a_reason_is_a_failure(checkout: Checkout, comment: str) -> None:
    (checkout.root / "terraform" / "a.tf").write_text(f'resource "x" "y" {{\n  {comment}\n}}\n')
    [finding] = checkout.audit().failed
    assert (finding.check, finding.file, finding.line) == ("UNREASONED", "terraform/a.tf", 2)


def test_a_file_that_checkov_cannot_parse_is_a_failure(checkout: Checkout) -> None:
    checkout.results["parsing_errors"] = ["terraform/broken.tf"]
    [finding] = checkout.audit().failed
    assert (finding.check, finding.file) == ("UNREADABLE", "terraform/broken.tf")


def test_a_setting_that_hides_findings_is_a_failure(checkout: Checkout) -> None:
    (checkout.root / ".checkov.yaml").write_text("skip-check:\n  - CKV_AWS_20\n")
    [finding] = checkout.audit().failed
    assert (finding.check, finding.line) == ("HIDDEN", 1)


def test_a_second_configuration_is_a_failure(checkout: Checkout) -> None:
    (checkout.root / "terraform" / ".checkov.yml").write_text("{}\n")
    assert [finding.check for finding in checkout.audit().failed] == ["HIDDEN"]


def test_a_configuration_in_the_home_directory_is_ignored(checkout: Checkout) -> None:
    checkout.audit()
    assert (checkout.root / "home").read_text().strip() != str(Path.home())


def test_a_quiet_configuration_cannot_be_trusted(checkout: Checkout) -> None:
    del checkout.results["parsing_errors"]
    with pytest.raises(AuditError, match="quiet"):
        checkout.audit()


def test_a_scan_without_the_project_s_own_checks_cannot_be_trusted(checkout: Checkout) -> None:
    checkout.results["passed_checks"] = [result("CKV_AWS_20", "a")]
    with pytest.raises(AuditError, match="external-checks-dir"):
        checkout.audit()


def test_an_image_past_its_end_of_patch_is_a_failure(checkout: Checkout) -> None:
    checkout.write_images("2026-06-30")
    report = checkout.audit()
    assert not report.ok
    assert report.lines()[0] == (
        "terraform/images.json:8: IMAGE_END_OF_PATCH: AWS patches pytorch:2.13 no longer, since 2026-06-30; "
        "choose a newer one in terraform/images.json, or write there why it is kept (exception) "
        "(training on cpu)"
    )


def test_an_excepted_image_is_shown_with_its_reason_and_decision(checkout: Checkout) -> None:
    page = checkout.root / "decision.md"
    page.write_text("# A decision\n")
    exception = {"reason": "no newer one exists", "decision": page.name, "until": "2027-03-31"}
    checkout.write_images("2026-06-30", exception=exception)
    report = checkout.audit()
    assert report.ok
    assert report.lines() == [
        "excepted: terraform/images.json:8: IMAGE_END_OF_PATCH: AWS patches pytorch:2.13 no longer, since "
        "2026-06-30 (training on cpu): no newer one exists (decision.md; until 2027-03-31)",
        NOT_LOOKED_UP,
        "1 passed, 0 failed, 1 suppressed with a reason",
    ]
    assert report.as_dict()["skipped"][0]["reason"].startswith("no newer one exists")


def test_an_image_near_its_end_of_patch_is_a_warning(checkout: Checkout) -> None:
    checkout.write_images("2027-01-21")
    report = checkout.audit()
    assert report.ok
    assert report.lines()[0].startswith(
        "warning: terraform/images.json:8: IMAGE_END_OF_PATCH: AWS patches pytorch:2.13 for 55 days more"
    )
    assert len(report.as_dict()["warnings"]) == 1


def test_a_missing_table_of_images_is_named(checkout: Checkout) -> None:
    (checkout.root / "terraform" / "images.json").unlink()
    with pytest.raises(AuditError, match=r"images\.json is missing"):
        checkout.audit()


def test_sarif_is_written_to_the_given_file(checkout: Checkout, tmp_path: Path) -> None:
    checkout.audit(tmp_path / "new" / "code.sarif")
    assert json.loads((tmp_path / "new" / "code.sarif").read_text()) == {}


def test_a_missing_checkov_names_the_command_that_installs_it(checkout: Checkout) -> None:
    with pytest.raises(AuditError, match=r"\./kennel audit\.code"):
        audit_code(checkout.root)


def test_a_missing_configuration_is_named(checkout: Checkout) -> None:
    (checkout.root / ".checkov.yaml").unlink()
    with pytest.raises(AuditError, match=r"\.checkov\.yaml is missing"):
        checkout.audit()


def test_a_failing_checkov_is_not_reported_as_a_clean_scan(checkout: Checkout) -> None:
    python = checkout.root / "python"
    python.write_text("#!/bin/sh\necho 'ImportError: no module' >&2\nexit 0\n")
    python.chmod(0o755)
    with pytest.raises(AuditError, match="ImportError: no module"):
        audit_code(checkout.root, python=python)


def test_a_plan_is_audited_with_the_code_and_named_by_its_file(checkout: Checkout, tmp_path: Path) -> None:
    plan = tmp_path / "shown.json"
    plan.write_text('{"resource_changes": []}')
    public = result("CKV_KENNEL_12", 'module.storage.aws_s3_bucket_acl.this["data"]')
    checkout.others["terraform_plan"] = results(failed_checks=[public])
    [finding] = checkout.audit(plan=plan).failed
    assert (finding.check, finding.file, finding.line) == ("CKV_KENNEL_12", str(plan), 1)
    assert "./plan/tfplan.json" in (checkout.root / "staged").read_text().splitlines()


def test_what_the_code_suppresses_is_suppressed_in_its_plan(checkout: Checkout, tmp_path: Path) -> None:
    plan = tmp_path / "shown.json"
    plan.write_text('{"resource_changes": []}')
    checkout.results["skipped_checks"] = [result("CKV_AWS_1", "module.a.x.y", suppress_comment="by design")]
    failures = [result("CKV_AWS_1", 'module.a["k"].x.y[0]'), result("CKV_AWS_2", "module.a.x.y")]
    checkout.others["terraform_plan"] = results(failed_checks=failures)
    report = checkout.audit(plan=plan)
    assert [finding.check for finding in report.failed] == ["CKV_AWS_2"]
    assert [finding.reason for finding in report.skipped] == ["by design", "by design"]


def test_a_policy_that_a_plan_does_not_know_yet_is_named(checkout: Checkout, tmp_path: Path) -> None:
    plan = tmp_path / "shown.json"
    changes = [
        {"address": "aws_iam_role_policy.a", "change": {"after_unknown": {"policy": True, "id": True}}},
        {"address": "aws_iam_role_policy.b", "change": {"after_unknown": {"id": True}}},
        {"address": "aws_sqs_queue.c", "change": {"actions": ["delete"], "after_unknown": {}}},
    ]
    plan.write_text(json.dumps({"resource_changes": changes}))
    checkout.others["terraform_plan"] = results()
    report = checkout.audit(plan=plan)
    assert report.as_dict()["unknown"] == ["aws_iam_role_policy.a"]
    assert "not known before an apply, so not seen in the plan: aws_iam_role_policy.a" in report.lines()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"resource_changes": [1]}'])
def test_a_file_that_is_no_plan_names_the_command(checkout: Checkout, tmp_path: Path, text: str) -> None:
    plan = tmp_path / "shown.json"
    plan.write_text(text)
    with pytest.raises(AuditError, match="is no plan: write one with terraform show -json"):
        checkout.audit(plan=plan)


def test_a_plan_that_checkov_skips_is_no_success(checkout: Checkout, tmp_path: Path) -> None:
    plan = tmp_path / "shown.json"
    plan.write_text('{"resource_changes": []}')
    with pytest.raises(AuditError, match="checked nothing in the plan"):
        checkout.audit(plan=plan)


def test_dockerfile_and_workflows_are_scanned_in_the_same_run(checkout: Checkout) -> None:
    for path in ("serving/Dockerfile", ".github/workflows/ci.yml", "terraform/.terraform/modules/x.tf"):
        (checkout.root / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout.root / path).write_text("x\n")
    (checkout.root / "hadolint").write_text("#!/bin/sh\necho '[]'\n")
    (checkout.root / "hadolint").chmod(0o755)
    with pytest.raises(AuditError, match="checked nothing in serving/Dockerfile"):
        checkout.audit()
    checkout.others = {"dockerfile": results(), "github_actions": results()}
    checkout.others["github_actions"]["failed_checks"] = [result("CKV2_GHA_1", "on(ci)")]
    assert [finding.check for finding in checkout.audit().failed] == ["CKV2_GHA_1"]
    assert "terraform dockerfile github_actions" in (checkout.root / "arguments").read_text()
    assert ".terraform" not in (checkout.root / "staged").read_text()
