"""How the audit reports what hadolint writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.audit import AuditError, dockerfile


def checkout(root: Path, hints: list[dict[str, Any]]) -> Path:
    """Make a checkout with a Dockerfile and a script in place of hadolint; return the Python beside it."""
    (root / "serving").mkdir()
    (root / "serving" / "Dockerfile").write_text("FROM scratch\n")
    program = root / "hadolint"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(hints)}\nEND\n")
    program.chmod(0o755)
    return root / "python"


def test_hints_are_reported_with_their_lines(tmp_path: Path) -> None:
    hint = {"code": "DL3006", "message": "Always tag the version", "line": 1, "level": "warning"}
    findings = dockerfile.lint(tmp_path, checkout(tmp_path, [hint]))
    assert list(map(str, findings)) == ["serving/Dockerfile:1: DL3006: Always tag the version (hadolint)"]


def test_output_that_is_no_result_is_no_success(tmp_path: Path) -> None:
    python = checkout(tmp_path, [])
    (tmp_path / "hadolint").write_text("#!/bin/sh\necho 'no such option' >&2\n")
    with pytest.raises(AuditError, match="no such option"):
        dockerfile.lint(tmp_path, python)


def test_a_linter_that_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    python = checkout(tmp_path, [])
    (tmp_path / "hadolint").unlink()
    with pytest.raises(AuditError, match=r"hadolint is not installed: run \./kennel audit\.code"):
        dockerfile.lint(tmp_path, python)


def test_without_a_dockerfile_there_is_nothing_to_lint(tmp_path: Path) -> None:
    assert dockerfile.lint(tmp_path, tmp_path / "python") == []
