"""Audit the code: Terraform, a plan, the Dockerfile, the workflows, and the age of AWS's images."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kennel.audit import AuditError, advisories, checkov, dockerfile, images, suppressions
from kennel.audit import plan as plans
from kennel.audit.checkov import CONFIGURATION
from kennel.audit.finding import Finding
from kennel.folders import HeldFolder

_IMAGE = "IMAGE_END_OF_PATCH"


@dataclass(frozen=True)
class AuditReport:
    """The result of one audit."""

    passes: tuple[Finding, ...]
    failed: tuple[Finding, ...]
    skipped: tuple[Finding, ...]
    seconds: float
    warnings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()  # addresses of a plan whose policies are known after an apply only
    packages: int | None = None  # of which advisories were looked up; None if none were

    @property
    def passed(self) -> int:
        """How many checks of a resource passed."""
        return len(self.passes)

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
        unseen = [f"not known before an apply, so not seen in the plan: {name}" for name in self.unknown]
        return [
            *map(str, self.failed),
            *excepted,
            *unseen,
            *(f"warning: {finding}" for finding in self.warnings),
            f"advisories of {self.packages} packages looked up"
            if self.packages
            else "advisories were not looked up: --advisories asks PyPI for them",
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
            "packages_looked_up": self.packages,
            "unknown": list(self.unknown),
            "seconds": round(self.seconds, 1),
        }


def audit_code(
    root: Path,
    sarif: Path | None = None,
    *,
    plan: Path | None = None,
    look_up: bool = False,
    python: Path | None = None,
    today: date | None = None,
    progress: Callable[[str], None] | None = None,
) -> AuditReport:
    """Scan Terraform's code, a plan if given, the Dockerfile and the workflows, as ``.checkov.yaml`` says.

    Failures are failed checks, files that checkov cannot parse, suppressions without a reason,
    settings that exclude checks or files, and images past their end of patch without an exception.

    Parameters
    ----------
    root
        The checkout, which contains ``terraform/``, ``policies/`` and ``.checkov.yaml``.
    sarif
        File for checkov's findings as SARIF, for code scanning.
    plan
        ``terraform show -json`` of a plan: what the code's expressions came to.
    look_up
        Ask PyPI for known vulnerabilities of the packages that the requirements pin.
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
    unknown = tuple(plans.unknown(plan)) if plan else ()
    old = list(images.ageing(root, today or datetime.now(UTC).date()))
    if progress:
        progress(f"checkov reads terraform/, serving/Dockerfile and .github/{f' and {plan}' if plan else ''}")
    with ThreadPoolExecutor(1) as beside, HeldFolder() as folder:
        hints = beside.submit(dockerfile.lint, root, python)
        scan, written = checkov.scan(root, python, folder, plan)
        of_image = hints.result()
        if sarif is not None:
            sarif.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(written, sarif)
    known = advisories.audit(root, python, progress) if look_up else None
    failed = [
        *scan.failed,
        *(_unparsed(file) for file in scan.unparsed),
        *suppressions.without_reason(root),
        *suppressions.excluding_settings(root),
        *(_image_finding(image) for image in old if image.ended and not image.reason),
        *of_image,
        *(known.failed if known else ()),
    ]
    skipped = [*scan.skipped, *(_image_finding(image) for image in old if image.reason)]
    skipped += known.skipped if known else ()
    warnings = tuple(_image_finding(image) for image in old if not image.ended)
    failed.sort(key=lambda finding: (finding.file, finding.line, finding.check))
    seconds = time.monotonic() - started
    return AuditReport(
        scan.passed, tuple(failed), tuple(skipped), seconds, warnings, unknown, known.asked if known else None
    )


def _unparsed(file: str) -> Finding:
    message = "checkov cannot parse this file, so it checked nothing in it"
    return Finding("UNREADABLE", message, file, file, 1)


def _image_finding(ageing: images.Ageing) -> Finding:
    image = ageing.image
    resource = f"{image.use} on {image.accelerator}"
    return Finding(_IMAGE, ageing.message, resource, str(images.TABLE), image.line, ageing.reason)
