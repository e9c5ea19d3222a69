"""Known vulnerabilities: what pip-audit answers, and that every package is pinned with its hashes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kennel.audit import AuditError, advisories

ROOT = Path(__file__).resolve().parents[3]


def checkout(root: Path, *packages: dict[str, Any], requirements: str = "") -> Path:
    """Make a checkout with two pinned packages; return a script that answers as pip-audit does."""
    (root / "requirements.txt").write_text("# pinned\nsafe==1.0 --hash=sha256:0\nOld==2.0 --hash=sha256:1\n")
    (root / "requirements.in").write_text(f"safe\nold\n{requirements}\n")
    python = root / "python"
    answer = json.dumps({"dependencies": list(packages), "fixes": []})
    python.write_text(f"#!/bin/sh\necho \"$@\" > '{root}/arguments'\ncat <<'END'\n{answer}\nEND\nexit 1\n")
    python.chmod(0o755)
    return python


SAFE = {"name": "safe", "version": "1.0", "vulns": []}
ADVISORY = {"id": "PYSEC-2026-7", "fix_versions": ["2.1"], "aliases": ["CVE-2026-7"], "description": "…"}
OLD = {"name": "old", "version": "2.0", "vulns": [ADVISORY]}


def test_a_vulnerable_package_is_reported_at_its_pin(tmp_path: Path) -> None:
    known = advisories.audit(tmp_path, checkout(tmp_path, SAFE, OLD))
    assert known.asked == 2
    assert [str(finding) for finding in known.failed] == [
        "requirements.txt:3: ADVISORY: PYSEC-2026-7: a known vulnerability (PYSEC-2026-7, CVE-2026-7), "
        "fixed in 2.1 (old 2.0)"
    ]
    assert "--require-hashes" in (tmp_path / "arguments").read_text()


def test_an_excepted_advisory_keeps_its_reason(tmp_path: Path) -> None:
    comment = "# advisory:skip=PYSEC-2026-7: only its server is affected, which nothing starts"
    known = advisories.audit(tmp_path, checkout(tmp_path, SAFE, OLD, requirements=comment))
    assert known.failed == ()
    assert [finding.reason for finding in known.skipped] == [
        "only its server is affected, which nothing starts"
    ]


def test_an_exception_without_a_reason_does_not_count(tmp_path: Path) -> None:
    python = checkout(tmp_path, OLD, requirements="# advisory:skip=PYSEC-2026-7: no")
    assert len(advisories.audit(tmp_path, python).failed) == 1


def test_a_package_that_the_service_does_not_know_is_a_failure(tmp_path: Path) -> None:
    unknown = {"name": "old", "skip_reason": "Dependency not found on PyPI and could not be audited"}
    [finding] = advisories.audit(tmp_path, checkout(tmp_path, unknown)).failed
    assert "the service knows nothing of it" in finding.message


def test_a_service_that_is_not_reached_is_a_failure(tmp_path: Path) -> None:
    python = checkout(tmp_path)
    python.write_text("#!/bin/sh\necho 'ConnectionError: no route to host' >&2\nexit 1\n")
    with pytest.raises(AuditError, match=r"nothing is known: \['ConnectionError: no route to host'\]"):
        advisories.audit(tmp_path, python)


def test_no_packages_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="there are no packages"):
        advisories.audit(tmp_path, checkout(tmp_path))


@pytest.mark.parametrize("file", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_package_is_pinned_with_a_hash(file: str) -> None:
    text = re.sub(r"\\\n", " ", (ROOT / file).read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    unpinned = [
        line
        for line in lines
        if not re.match(r"[A-Za-z0-9._-]+(\[[^\]]*\])?(==| @ )\S+", line) or "--hash=sha256:" not in line
    ]
    assert unpinned == []
