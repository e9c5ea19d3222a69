"""The image's Dockerfile: checkov's checks of it, and hadolint, which knows the tools that it calls."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.audit import AuditError
from kennel.audit.finding import Finding

DOCKERFILE = Path("serving", "Dockerfile")


@dataclass(frozen=True)
class Lint:
    """What both linters found."""

    passed: int = 0
    failed: tuple[Finding, ...] = ()
    skipped: tuple[Finding, ...] = ()


def lint(root: Path, python: Path) -> Lint:
    """Lint a checkout's Dockerfile, if it has one.

    Parameters
    ----------
    python
        Interpreter of the environment with checkov and hadolint.

    Raises
    ------
    AuditError
        A linter is missing, or wrote no result.
    """
    if not (root / DOCKERFILE).is_file():
        return Lint()
    with tempfile.TemporaryDirectory() as home:  # its .checkov.yaml must not change the result
        command = [str(python), "-m", "checkov.main", "-f", str(DOCKERFILE), "--framework", "dockerfile"]
        report = _json([*command, "--skip-download", "-o", "json"], root, home)
        hints = _json([str(python.parent / "hadolint"), "--format", "json", str(DOCKERFILE)], root, home)
    results = report["results"]
    if not results["passed_checks"]:
        raise AuditError(f"checkov checked nothing in {DOCKERFILE}: see whether it can be parsed")
    failed = [*map(_of_checkov, results["failed_checks"]), *map(_of_hadolint, hints)]
    skipped = tuple(map(_of_checkov, results["skipped_checks"]))
    return Lint(len(results["passed_checks"]), tuple(failed), skipped)


def _json(command: list[str], root: Path, home: str) -> Any:
    try:
        done = subprocess.run(
            command, cwd=root, env={"HOME": home}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise AuditError(
            f"{command[0]} is not installed: run ./kennel audit.code, which installs it"
        ) from error
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        output = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise AuditError(
            f"{Path(command[0]).name} wrote no result for {DOCKERFILE}: {output[-1:]}"
        ) from error


def _of_checkov(result: dict[str, Any]) -> Finding:
    return Finding(
        check=result["check_id"],
        message=result["check_name"],
        resource=result["resource"],
        file=str(DOCKERFILE),
        line=result["file_line_range"][0],
        reason=(result["check_result"].get("suppress_comment") or "").strip(),
    )


def _of_hadolint(hint: dict[str, Any]) -> Finding:
    return Finding(hint["code"], hint["message"], "hadolint", str(DOCKERFILE), hint["line"])
