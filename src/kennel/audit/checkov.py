"""One run of checkov over everything that the audit covers: checkov starts slowly."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kennel.audit import AuditError
from kennel.audit.finding import Finding

CONFIGURATION = ".checkov.yaml"
OWN_PREFIX = "CKV_KENNEL_"
TERRAFORM = "terraform"
PLAN = "terraform_plan"
# What each framework scans, relative to the checkout; all but the first may be absent.
SCANNED = {
    TERRAFORM: Path("terraform"),
    "dockerfile": Path("serving", "Dockerfile"),
    "github_actions": Path(".github"),
}
_PROGRAM = Path(__file__).with_name("checkov_program.py").resolve()
_STAGED_PLAN = Path("plan", "tfplan.json")


@dataclass(frozen=True)
class Scan:
    """What checkov reported."""

    passed: tuple[Finding, ...]
    failed: tuple[Finding, ...]
    skipped: tuple[Finding, ...]
    unparsed: tuple[str, ...]  # files, relative to the checkout


def scan(root: Path, python: Path, folder: Path, plan: Path | None = None) -> tuple[Scan, Path]:
    """Scan a checkout, and a plan if there is one; return the results, and the file of checkov's SARIF.

    Parameters
    ----------
    root
        The checkout.
    python
        Interpreter of the environment with checkov.
    folder
        An empty folder for copies of what is scanned: checkov scans one folder with several frameworks, and
        the checkout has others in it that are not meant.
    plan
        ``terraform show -json`` of a plan.

    Raises
    ------
    AuditError
        If checkov wrote no result, or not all of it.
    """
    staged, results = folder / "staged", folder / "results"
    _stage(root, staged, plan)
    frameworks = [name for name, path in SCANNED.items() if (staged / path).exists()]
    frameworks += [PLAN] if plan else []
    completed = subprocess.run(
        [
            *(str(python), "-P", str(_PROGRAM), "--config-file", CONFIGURATION, "--skip-download"),
            *("-d", ".", "--framework", *frameworks),
            *("-o", "json", "-o", "sarif", "--output-file-path", str(results)),
        ],
        cwd=staged,
        # Another home: a .checkov.yaml in the user's home directory must not change the result.
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        document = json.loads((results / "results_json.json").read_text())
    except (OSError, ValueError) as error:
        output = [line for line in (completed.stderr or completed.stdout).splitlines() if line.strip()]
        raise AuditError(
            f"checkov wrote no result (exit code {completed.returncode}): {output[-1:]}"
        ) from error
    reports = {
        report["check_type"]: report["results"]
        for report in (document if isinstance(document, list) else [document])
        if "check_type" in report
    }
    _complete(reports, frameworks)
    return _read(reports, staged, plan), results / "results_sarif.sarif"


def _stage(root: Path, staged: Path, plan: Path | None) -> None:
    """Copy what is scanned, with the configuration and the project's own checks."""
    working_data = shutil.ignore_patterns(".terraform", "__pycache__", "*.tfstate*")
    staged.mkdir()
    for path in (Path("policies"), *SCANNED.values()):
        if (root / path).is_dir():
            shutil.copytree(root / path, staged / path, ignore=working_data)
        elif (root / path).is_file():
            (staged / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, staged / path)
    shutil.copyfile(root / CONFIGURATION, staged / CONFIGURATION)
    if plan:
        (staged / _STAGED_PLAN).parent.mkdir()
        shutil.copyfile(plan, staged / _STAGED_PLAN)


def _complete(reports: dict[str, Any], frameworks: list[str]) -> None:
    """Refuse results in which something is missing."""
    for framework in frameworks:
        report = reports.get(framework)
        if report is None:
            place = "the plan" if framework == PLAN else SCANNED[framework]
            raise AuditError(f"checkov checked nothing in {place}: see whether it can be parsed")
        if "parsing_errors" not in report:
            raise AuditError(f"{CONFIGURATION} has quiet, which hides files that cannot be parsed: remove it")
    results = [*reports[TERRAFORM]["passed_checks"], *reports[TERRAFORM]["failed_checks"]]
    if not any(result["check_id"].startswith(OWN_PREFIX) for result in results):
        raise AuditError(
            f"the project's own checks did not run: name policies in {CONFIGURATION}'s external-checks-dir"
        )


def _read(reports: dict[str, Any], staged: Path, plan: Path | None) -> Scan:
    code = [results for name, results in reports.items() if name != PLAN]
    skipped = [_finding(result) for results in code for result in results["skipped_checks"]]
    failed = [_finding(result) for results in code for result in results["failed_checks"]]
    passed = [_finding(result) for results in code for result in results["passed_checks"]]
    unparsed = [file for results in reports.values() for file in results["parsing_errors"]]
    if plan:
        violated, excepted = _of_plan(reports[PLAN]["failed_checks"], skipped, plan)
        failed, skipped = [*failed, *violated], [*skipped, *excepted]
        passed += [_finding(result) for result in reports[PLAN]["passed_checks"]]
    return Scan(tuple(passed), tuple(failed), tuple(skipped), tuple(_relative(unparsed, staged)))


def _of_plan(
    failures: Iterable[dict[str, Any]], skipped: list[Finding], plan: Path
) -> tuple[list[Finding], list[Finding]]:
    """Return the failures in a plan, and those that the code suppresses: a plan has no comments."""
    reasons = {(finding.check, address(finding.resource)): finding.reason for finding in skipped}
    violated, excepted = [], []
    for result in failures:
        finding = replace(_finding(result), file=str(plan), line=1)
        reason = reasons.get((finding.check, address(finding.resource)))
        if reason is None:
            violated.append(finding)
        else:
            excepted.append(replace(finding, reason=reason))
    return violated, excepted


def address(resource: str) -> str:
    """Return the address of a resource without the keys of loops, as it is in the code."""
    return re.sub(r"\[[^\]]*\]", "", resource)


def _finding(result: dict[str, Any]) -> Finding:
    return Finding(
        check=result["check_id"],
        message=result["check_name"],
        resource=result["resource"],
        file=result["file_path"].lstrip("/"),
        line=result["file_line_range"][0],
        reason=(result["check_result"].get("suppress_comment") or "").strip(),
    )


def _relative(files: Iterable[str], staged: Path) -> Iterator[str]:
    for file in files:
        path = staged.resolve() / file
        yield str(path.relative_to(staged.resolve()) if path.is_relative_to(staged.resolve()) else path)
