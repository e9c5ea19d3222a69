"""Audit the Terraform code: checkov with the project's own checks in one run, nothing passed over."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kennel.audit import AuditError

CONFIGURATION = ".checkov.yaml"
# Settings by which a scan could be made to see less without a reason beside what is hidden.
_HIDING = (
    "skip-check",
    "skip-path",
    "check",
    "soft-fail",
    "soft-fail-on",
    "hard-fail-on",
    "baseline",
    "skip-framework",
)
_OWN = "CKV_KENNEL_"
_SKIP = re.compile(r"checkov:skip=([A-Z0-9_]+)(?::(.*))?", re.IGNORECASE)
_NO_COMMENT = "No comment provided"
_SHORTEST_REASON = 10


@dataclass(frozen=True)
class Finding:
    """One thing that checkov, or the audit itself, says of a resource or file."""

    check: str
    message: str
    resource: str
    file: str
    line: int
    reason: str = ""

    def __str__(self) -> str:
        """Return the finding as a line that editors can jump from."""
        return f"{self.file}:{self.line}: {self.check}: {self.message} ({self.resource})"


@dataclass(frozen=True)
class AuditReport:
    """What one audit found."""

    passed: int
    failed: tuple[Finding, ...]
    skipped: tuple[Finding, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def lines(self) -> list[str]:
        """Return the report for a person: each failure, then the count."""
        count = (
            f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} suppressed with a reason"
        )
        return [*map(str, self.failed), count]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        return {
            "ok": self.ok,
            "passed": self.passed,
            "failed": [asdict(finding) for finding in self.failed],
            "skipped": [asdict(finding) for finding in self.skipped],
            "seconds": round(self.seconds, 1),
        }


def audit_code(
    root: Path,
    sarif: Path | None = None,
    *,
    python: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> AuditReport:
    """Scan ``terraform/`` as ``.checkov.yaml`` says, once.

    Failures are failed checks, files that checkov could not parse, suppressions without a reason, and
    settings that hide something.

    Parameters
    ----------
    root
        The checkout: it holds ``terraform/``, ``policies/`` and ``.checkov.yaml``.
    sarif
        Where to write checkov's findings as SARIF, for code scanning.
    python
        Of the environment that has checkov; ``.venv-audit`` of the checkout if None.

    Raises
    ------
    AuditError
        If there is no checkov, no configuration, or no result to trust.
    """
    started = time.monotonic()
    python = python or root / ".venv-audit" / "bin" / "python"
    if not python.exists():
        raise AuditError(f"there is no checkov at {python}: run ./kennel audit.code, which installs it")
    configuration = root / CONFIGURATION
    if not configuration.is_file():
        raise AuditError(f"{configuration} is missing: restore it: git checkout -- {CONFIGURATION}")
    if progress:
        progress("checkov reads terraform/ and policies/")
    with tempfile.TemporaryDirectory(prefix="kennel-audit-") as folder:
        report = _scan(root, python, Path(folder))
        if sarif is not None:
            sarif.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(folder) / "results_sarif.sarif", sarif)
    results = report["results"]
    failed = [
        *map(_finding, results["failed_checks"]),
        *_unparsed(results["parsing_errors"], root),
        *_unreasoned(root),
        *_hidden(root),
    ]
    passed, skipped = results["passed_checks"], [_finding(one) for one in results["skipped_checks"]]
    if not any(one["check_id"].startswith(_OWN) for one in [*passed, *results["failed_checks"]]):
        raise AuditError(
            f"the project's own checks did not run: name policies in {CONFIGURATION}'s external-checks-dir"
        )
    failed.sort(key=lambda finding: (finding.file, finding.line, finding.check))
    return AuditReport(len(passed), tuple(failed), tuple(skipped), time.monotonic() - started)


def _scan(root: Path, python: Path, folder: Path) -> dict[str, Any]:
    """Run checkov with its results in a folder; returns its one report."""
    done = subprocess.run(
        [
            str(python),
            "-m",
            "checkov.main",
            "--config-file",
            CONFIGURATION,
            "--skip-download",
            *("-d", "terraform"),
            *("-o", "json", "-o", "sarif", "--output-file-path", str(folder)),
        ],
        cwd=root,
        env={
            **os.environ,
            "HOME": str(folder),
        },  # a .checkov.yaml of the person's own must not change the result
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads((folder / "results_json.json").read_text())
    except (OSError, ValueError) as error:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise AuditError(f"checkov gave no result (exit code {done.returncode}): {said[-1:]}") from error
    reports = report if isinstance(report, list) else [report]
    for one in reports:
        if one.get("check_type") == "terraform":
            if "parsing_errors" not in one["results"]:
                raise AuditError(
                    f"{CONFIGURATION} has quiet, which hides files that cannot be parsed: remove it"
                )
            return dict(one)
    raise AuditError(f"checkov found no Terraform: {CONFIGURATION} must name the directory terraform")


def _finding(result: dict[str, Any]) -> Finding:
    return Finding(
        check=result["check_id"],
        message=result["check_name"],
        resource=result["resource"],
        file=f"terraform/{result['file_path'].lstrip('/')}",
        line=result["file_line_range"][0],
        reason=(result["check_result"].get("suppress_comment") or "").strip(),
    )


def _unparsed(files: list[str], root: Path) -> Iterator[Finding]:
    for file in files:
        path = Path(file)
        name = str(path.relative_to(root.resolve()) if path.is_relative_to(root.resolve()) else path)
        yield Finding(
            "UNREADABLE", "checkov cannot parse this file, so it checked nothing in it", name, name, 1
        )


def _unreasoned(root: Path) -> Iterator[Finding]:
    """Find suppressions that do not say why, whether or not checkov acted on them."""
    for path in sorted((root / "terraform").rglob("*.tf")):
        if ".terraform" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for check, reason in _SKIP.findall(line):
                if len(reason.strip()) < _SHORTEST_REASON or reason.strip() == _NO_COMMENT:
                    name = str(path.relative_to(root))
                    yield Finding("UNREASONED", f"{check} is suppressed without a reason", name, name, number)


def _hidden(root: Path) -> Iterator[Finding]:
    """Find settings that hide findings for the whole project: a suppression belongs beside its resource."""
    for folder in (root, root / "terraform"):
        for path in sorted(folder.glob(".checkov.y*ml")):
            name = str(path.relative_to(root))
            if name != CONFIGURATION:
                yield Finding("HIDDEN", f"only {CONFIGURATION} may say what is scanned", name, name, 1)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                setting = line.split(":")[0].strip()
                if setting in _HIDING:
                    message = f"{setting} hides findings; suppress them beside the resource, with a reason"
                    yield Finding("HIDDEN", message, name, name, number)
