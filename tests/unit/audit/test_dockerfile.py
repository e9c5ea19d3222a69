"""How the audit reports what the linters of a Dockerfile write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.audit import AuditError, dockerfile


def checkout(root: Path, results: dict[str, Any], hints: list[dict[str, Any]]) -> Path:
    """Make a checkout with a Dockerfile and scripts in place of both linters; return the Python to use."""
    (root / "serving").mkdir()
    (root / "serving" / "Dockerfile").write_text("FROM scratch\n")
    for program, output in (("python", {"results": results}), ("hadolint", hints)):
        path = root / program
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(output)}\nEND\n")
        path.chmod(0o755)
    return root / "python"


def result(check: str, **more: Any) -> dict[str, Any]:
    described = {"check_id": check, "check_name": f"Ensure {check}", "resource": "Dockerfile.USER"}
    return {**described, "file_line_range": [7, 7], "check_result": {"result": "?", **more}}


def test_findings_of_both_linters_are_reported_with_their_lines(tmp_path: Path) -> None:
    results = {
        "passed_checks": [result("CKV_DOCKER_1")],
        "failed_checks": [result("CKV_DOCKER_3")],
        "skipped_checks": [result("CKV_DOCKER_2", suppress_comment="there is no server in it")],
    }
    hint = {"code": "DL3006", "message": "Always tag the version", "line": 1, "level": "warning"}

    found = dockerfile.lint(tmp_path, checkout(tmp_path, results, [hint]))

    assert found.passed == 1
    assert [str(finding) for finding in found.failed] == [
        "serving/Dockerfile:7: CKV_DOCKER_3: Ensure CKV_DOCKER_3 (Dockerfile.USER)",
        "serving/Dockerfile:1: DL3006: Always tag the version (hadolint)",
    ]
    assert [finding.reason for finding in found.skipped] == ["there is no server in it"]


def test_a_dockerfile_in_which_nothing_was_checked_is_no_success(tmp_path: Path) -> None:
    python = checkout(tmp_path, {"passed_checks": [], "failed_checks": [], "skipped_checks": []}, [])
    with pytest.raises(AuditError, match="checked nothing"):
        dockerfile.lint(tmp_path, python)


def test_a_linter_that_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    python = checkout(tmp_path, {}, [])
    (tmp_path / "hadolint").unlink()
    with pytest.raises(AuditError, match=r"hadolint is not installed: run \./kennel audit\.code"):
        dockerfile.lint(tmp_path, python)


def test_without_a_dockerfile_there_is_nothing_to_lint(tmp_path: Path) -> None:
    assert dockerfile.lint(tmp_path, tmp_path / "python") == dockerfile.Lint()
