"""What an audit finds: one result of a linter for a resource or a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One result of checkov, or of the audit itself, for a resource or file."""

    check: str
    message: str
    resource: str
    file: str
    line: int
    reason: str = ""

    def __str__(self) -> str:
        """Return the finding as ``file:line: …``, which editors turn into links."""
        return f"{self.file}:{self.line}: {self.check}: {self.message} ({self.resource})"
