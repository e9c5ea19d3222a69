"""The analysis of policy documents, in the environment that has cloudsplaining."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from kennel.audit import AuditError

PROGRAM = Path(__file__).with_name("program.py")


def analyse(root: Path, request: dict[str, Any], python: Path | None = None) -> dict[str, Any]:
    """Return the analyses of policy documents: see `program`.

    Parameters
    ----------
    root
        The checkout, whose ``policies/`` has the rules.
    python
        Interpreter of the environment with cloudsplaining; that of ``.venv-audit`` if None.

    Raises
    ------
    AuditError
        The environment is missing, or the program fails.
    """
    python = python or root / ".venv-audit" / "bin" / "python"
    if not python.exists():
        raise AuditError(
            f"cloudsplaining is not installed at {python}: run ./kennel audit.account, which installs it"
        )
    done = subprocess.run(
        [str(python), str(PROGRAM)],
        input=json.dumps(request),
        # It needs the rules, and none of the credentials.
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(root / "policies")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AuditError(f"the analysis of policies failed: {done.stderr.strip().splitlines()[-1:]}")
    analyses: dict[str, Any] = json.loads(done.stdout)
    return analyses
