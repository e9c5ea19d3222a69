"""The audit of the code, as a program: ``python -m kennel.checks.code_audit``.

The last line that it prints is the summary.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kennel.audit import AuditError
from kennel.audit.code import audit_code


def main() -> int:
    """Audit the checkout in the current folder, and print what fails; return 1 if anything does."""
    root = Path.cwd()
    try:
        report = audit_code(root, sarif=root / "build" / "audit" / "code.sarif")
    except AuditError as error:
        print(error)
        return 1
    print("\n".join(report.lines()))
    return int(not report.ok)


if __name__ == "__main__":
    sys.exit(main())
