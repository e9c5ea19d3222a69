"""What hides findings of checkov: suppressions without a reason, settings that exclude checks or files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kennel.audit import images
from kennel.audit.checkov import CONFIGURATION
from kennel.audit.finding import Finding

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
_SKIP = re.compile(r"checkov:skip=([A-Z0-9_]+)(?::(.*))?", re.IGNORECASE)
_NO_COMMENT = "No comment provided"
_SCANNED = ("terraform/**/*.tf", ".github/**/*.y*ml", "serving/Dockerfile")


def without_reason(root: Path) -> Iterator[Finding]:
    """Yield a finding for each suppression without a reason, whether or not checkov applied it."""
    for path in sorted(path for pattern in _SCANNED for path in root.glob(pattern)):
        if ".terraform" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for check, reason in _SKIP.findall(line):
                if len(reason.strip()) < images.MINIMUM_REASON_LENGTH or reason.strip() == _NO_COMMENT:
                    name = str(path.relative_to(root))
                    yield Finding("UNREASONED", f"{check} is suppressed without a reason", name, name, number)


def excluding_settings(root: Path) -> Iterator[Finding]:
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
