"""Audit the code: checkov and own checks on Terraform, the Dockerfile, and the age of AWS's images."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kennel.audit import AuditError, dockerfile, images
from kennel.audit.finding import Finding
from kennel.folders import HeldFolder

CONFIGURATION = ".checkov.yaml"
# Settings that exclude checks or files for the whole project; suppressions belong beside their resource.
_EXCLUDING_SETTINGS = (
    "skip-check",
    "skip-path",
    "check",
    "soft-fail",
    "soft-fail-on",
    "hard-fail-on",
    "baseline",
    "skip-framework",
)
_OWN_PREFIX = "CKV_KENNEL_"
_SKIP = re.compile(r"checkov:skip=([A-Z0-9_]+)(?::(.*))?", re.IGNORECASE)
_NO_COMMENT = "No comment provided"
_IMAGE = "IMAGE_END_OF_PATCH"


@dataclass(frozen=True)
class AuditReport:
    """The result of one audit."""

    passed: int
    failed: tuple[Finding, ...]
    skipped: tuple[Finding, ...]
    seconds: float
    warnings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def lines(self) -> list[str]:
        """Return the report as text: each failure, each image that is or will be too old, then the counts."""
        excepted = [
            f"excepted: {finding}: {finding.reason}" for finding in self.skipped if finding.check == _IMAGE
        ]
        count = (
            f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} suppressed with a reason"
        )
        if self.warnings:
            count += f", {len(self.warnings)} to be renewed soon"
        return [
            *map(str, self.failed),
            *excepted,
            *(f"warning: {finding}" for finding in self.warnings),
            count,
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        return {
            "ok": self.ok,
            "passed": self.passed,
            "failed": [asdict(finding) for finding in self.failed],
            "skipped": [asdict(finding) for finding in self.skipped],
            "warnings": [asdict(finding) for finding in self.warnings],
            "seconds": round(self.seconds, 1),
        }


def audit_code(
    root: Path,
    sarif: Path | None = None,
    *,
    python: Path | None = None,
    today: date | None = None,
    progress: Callable[[str], None] | None = None,
) -> AuditReport:
    """Scan ``terraform/`` as ``.checkov.yaml`` says, once, the Dockerfile, and the age of AWS's images.

    Failures are failed checks, files that checkov cannot parse, suppressions without a reason,
    settings that exclude checks or files, and images past their end of patch without an exception.

    Parameters
    ----------
    root
        The checkout, which contains ``terraform/``, ``policies/`` and ``.checkov.yaml``.
    sarif
        File for checkov's findings as SARIF, for code scanning.
    python
        Interpreter of the environment with checkov; that of ``.venv-audit`` in the checkout if None.
    today
        The day for which the ends of the images are judged; the present one if None.
    progress
        Receives a line about what is running.

    Raises
    ------
    AuditError
        If checkov or its configuration is missing, or its result is incomplete.
    """
    started = time.monotonic()
    python = python or root / ".venv-audit" / "bin" / "python"
    if not python.exists():
        raise AuditError(f"checkov is not installed at {python}: run ./kennel audit.code, which installs it")
    configuration = root / CONFIGURATION
    if not configuration.is_file():
        raise AuditError(f"{configuration} is missing: restore it: git checkout -- {CONFIGURATION}")
    old = list(images.ageing(root, today or datetime.now(UTC).date()))
    if progress:
        progress("checkov reads terraform/, policies/ and serving/Dockerfile")
    with ThreadPoolExecutor(1) as beside, HeldFolder() as folder:
        of_image = beside.submit(dockerfile.lint, root, python)
        report = _scan(root, python, folder)
        lint = of_image.result()
        if sarif is not None:
            sarif.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / "results_sarif.sarif", sarif)
    results = report["results"]
    failed = [
        *map(_finding, results["failed_checks"]),
        *_unparsed(results["parsing_errors"], root),
        *_without_reason(root),
        *_excluding_settings(root),
        *(_image_finding(image) for image in old if image.ended and not image.reason),
        *lint.failed,
    ]
    passed = results["passed_checks"]
    skipped = [
        *map(_finding, results["skipped_checks"]),
        *(_image_finding(image) for image in old if image.reason),
        *lint.skipped,
    ]
    warnings = tuple(_image_finding(image) for image in old if not image.ended)
    check_ids = [result["check_id"] for result in [*passed, *results["failed_checks"]]]
    if not any(check_id.startswith(_OWN_PREFIX) for check_id in check_ids):
        raise AuditError(
            f"the project's own checks did not run: name policies in {CONFIGURATION}'s external-checks-dir"
        )
    failed.sort(key=lambda finding: (finding.file, finding.line, finding.check))
    count = len(passed) + lint.passed
    return AuditReport(count, tuple(failed), tuple(skipped), time.monotonic() - started, warnings)


def _scan(root: Path, python: Path, folder: Path) -> dict[str, Any]:
    """Run checkov, which writes its results into a folder; return the report for Terraform."""
    completed = subprocess.run(
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
        # Another home: a .checkov.yaml in the user's home directory must not change the result.
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads((folder / "results_json.json").read_text())
    except (OSError, ValueError) as error:
        output = [line for line in (completed.stderr or completed.stdout).splitlines() if line.strip()]
        raise AuditError(
            f"checkov wrote no result (exit code {completed.returncode}): {output[-1:]}"
        ) from error
    framework_reports = report if isinstance(report, list) else [report]
    for framework_report in framework_reports:
        if framework_report.get("check_type") == "terraform":
            if "parsing_errors" not in framework_report["results"]:
                raise AuditError(
                    f"{CONFIGURATION} has quiet, which hides files that cannot be parsed: remove it"
                )
            return dict(framework_report)
    raise AuditError(
        f"checkov reported on no Terraform code: {CONFIGURATION} must name the directory terraform"
    )


def _finding(result: dict[str, Any]) -> Finding:
    return Finding(
        check=result["check_id"],
        message=result["check_name"],
        resource=result["resource"],
        file=f"terraform/{result['file_path'].lstrip('/')}",
        line=result["file_line_range"][0],
        reason=(result["check_result"].get("suppress_comment") or "").strip(),
    )


def _image_finding(ageing: images.Ageing) -> Finding:
    image = ageing.image
    resource = f"{image.use} on {image.accelerator}"
    return Finding(_IMAGE, ageing.message, resource, str(images.TABLE), image.line, ageing.reason)


def _unparsed(files: list[str], root: Path) -> Iterator[Finding]:
    """Yield a finding for each file that checkov could not parse."""
    for file in files:
        path = Path(file)
        name = str(path.relative_to(root.resolve()) if path.is_relative_to(root.resolve()) else path)
        yield Finding(
            "UNREADABLE", "checkov cannot parse this file, so it checked nothing in it", name, name, 1
        )


def _without_reason(root: Path) -> Iterator[Finding]:
    """Yield a finding for each suppression without a reason, whether or not checkov applied it."""
    for path in sorted((root / "terraform").rglob("*.tf")):
        if ".terraform" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for check, reason in _SKIP.findall(line):
                if len(reason.strip()) < images.MINIMUM_REASON_LENGTH or reason.strip() == _NO_COMMENT:
                    name = str(path.relative_to(root))
                    yield Finding("UNREASONED", f"{check} is suppressed without a reason", name, name, number)


def _excluding_settings(root: Path) -> Iterator[Finding]:
    """Yield a finding for each setting that hides results for the whole project."""
    for folder in (root, root / "terraform"):
        for path in sorted(folder.glob(".checkov.y*ml")):
            name = str(path.relative_to(root))
            if name != CONFIGURATION:
                yield Finding("HIDDEN", f"only {CONFIGURATION} may configure checkov", name, name, 1)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                setting = line.split(":")[0].strip()
                if setting in _EXCLUDING_SETTINGS:
                    message = f"{setting} hides findings; suppress them beside the resource, with a reason"
                    yield Finding("HIDDEN", message, name, name, number)
