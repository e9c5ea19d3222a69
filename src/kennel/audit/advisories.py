"""Known vulnerabilities of the packages that the requirements pin, by pip-audit, which asks PyPI for them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.audit import AuditError
from kennel.audit.finding import Finding

FILES = "requirements*.txt"
# Beside the package in requirements*.in: an advisory that is known, and why it does not matter here.
_SKIP = re.compile(r"advisory:skip=([\w-]+):\s*(\S.*)")
_MINIMUM_REASON_LENGTH = 10


@dataclass(frozen=True)
class Advisories:
    """What is known of the pinned packages."""

    asked: int
    failed: tuple[Finding, ...]
    skipped: tuple[Finding, ...]


def audit(root: Path, python: Path, progress: Callable[[str], None] | None = None) -> Advisories:
    """Look up the pinned packages of all requirements.

    A package of which the service knows nothing is a failure too: pip-audit itself passes it over.

    Parameters
    ----------
    python
        Interpreter of the environment with pip-audit.

    Raises
    ------
    AuditError
        pip-audit is missing, or the service was not reached.
    """
    findings: list[Finding] = []
    asked = 0
    for file in sorted(root.glob(FILES)):
        if progress:
            progress(f"pip-audit looks up {file.name}")
        for package in _look_up(file, python):
            asked += 1
            findings += _of_package(package, file)
    if not asked:
        raise AuditError(f"there are no packages in {root}/{FILES}: restore them: git checkout -- '{FILES}'")
    reasons = dict(_exceptions(root))
    failed = [finding for finding in findings if finding.message.split(":")[0] not in reasons]
    skipped = [
        Finding(**{**vars(finding), "reason": reasons[finding.message.split(":")[0]]})
        for finding in findings
        if finding not in failed
    ]
    return Advisories(asked, tuple(failed), tuple(skipped))


def _look_up(file: Path, python: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [
            *(str(python), "-m", "pip_audit", "--requirement", str(file), "--require-hashes"),
            *("--disable-pip", "--format", "json", "--progress-spinner", "off"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        output = [line for line in done.stderr.splitlines() if line.strip()]
        raise AuditError(
            f"pip-audit looked up nothing of {file.name}, so nothing is known: {output[-1:]}; "
            "run it where PyPI's advisories can be reached, or without --advisories"
        ) from error
    return packages


def _of_package(package: dict[str, Any], file: Path) -> Iterator[Finding]:
    name = package["name"]
    line = _line(file, name)
    if "skip_reason" in package:
        message = f"unknown: the service knows nothing of it: {package['skip_reason']}"
        yield Finding("ADVISORY", message, name, file.name, line)
    for advisory in package.get("vulns", []):
        fixed = " or ".join(advisory["fix_versions"]) or "no version yet"
        names = ", ".join([advisory["id"], *advisory.get("aliases", [])])
        message = f"{advisory['id']}: a known vulnerability ({names}), fixed in {fixed}"
        yield Finding("ADVISORY", message, f"{name} {package['version']}", file.name, line)


def _line(file: Path, name: str) -> int:
    pinned = re.compile(rf"{re.escape(name)}(\[[^\]]*\])?==", re.IGNORECASE)
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if pinned.match(line)), 1)


def _exceptions(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the advisories that are excepted, with their reasons."""
    for file in sorted(root.glob("requirements*.in")):
        for advisory, reason in _SKIP.findall(file.read_text(encoding="utf-8")):
            if len(reason) >= _MINIMUM_REASON_LENGTH:
                yield advisory, reason
