"""hadolint on the image's Dockerfile: it knows the tools called there. checkov checks it with the rest."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from kennel.audit import AuditError
from kennel.audit.finding import Finding

DOCKERFILE = Path("serving", "Dockerfile")


def lint(root: Path, python: Path) -> list[Finding]:
    """Return what hadolint has to say about a checkout's Dockerfile, if it has one.

    Parameters
    ----------
    python
        Interpreter of the environment with hadolint.

    Raises
    ------
    AuditError
        hadolint is missing, or wrote no result.
    """
    if not (root / DOCKERFILE).is_file():
        return []
    command = [str(python.parent / "hadolint"), "--format", "json", str(DOCKERFILE)]
    with tempfile.TemporaryDirectory() as home:  # its .hadolint.yaml must not change the result
        try:
            done = subprocess.run(
                command, cwd=root, env={"HOME": home}, capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise AuditError(
                f"{command[0]} is not installed: run ./kennel audit.code, which installs it"
            ) from error
    try:
        return [_finding(hint) for hint in json.loads(done.stdout)]
    except ValueError as error:
        output = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise AuditError(f"hadolint wrote no result for {DOCKERFILE}: {output[-1:]}") from error


def _finding(hint: dict[str, Any]) -> Finding:
    return Finding(hint["code"], hint["message"], "hadolint", str(DOCKERFILE), hint["line"])
