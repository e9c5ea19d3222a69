"""Everything that `./kennel test` runs, in the order in which a mistake is cheapest to find."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("src", "tests", "lambda", "ec2", "policies", "benchmarks", "tasks.py")


@dataclass(frozen=True)
class Outcome:
    """How one check ended."""

    name: str
    ok: bool
    seconds: float


def run(root: Path, *, fast: bool, announce: Callable[[str], None]) -> list[Outcome]:
    """Run all checks, pytest last; one that fails does not keep the others from running.

    Parameters
    ----------
    fast
        Leave out what takes minutes: checkov, the tests marked ``slow`` or ``cloud``.
    announce
        Told the name of each check before it begins.
    """
    outcomes = []
    for name, check in _checks(root, fast=fast, announce=announce).items():
        announce(name)
        started = time.monotonic()
        ok = check()
        outcomes.append(Outcome(name, ok, round(time.monotonic() - started, 1)))
    return outcomes


def _checks(root: Path, *, fast: bool, announce: Callable[[str], None]) -> dict[str, Callable[[], bool]]:
    python = sys.executable
    terraform = os.environ.get("KENNEL_TERRAFORM") or "terraform"
    sources = [name for name in SOURCES if (root / name).exists()]
    # Its own working data and no backend: checks need no AWS, and disturb no environment.
    apart = {"TF_DATA_DIR": str(root / "build" / "checks" / "terraform"), "TF_IN_AUTOMATION": "1"}
    mirror = os.environ.get("KENNEL_PROVIDER_MIRROR")
    plugins = [f"-plugin-dir={mirror}"] if mirror else []

    def command(*arguments: str, directory: str = ".", **variables: str) -> Callable[[], bool]:
        def check() -> bool:
            environment = {**os.environ, **variables}
            # Standard output may hold --json's document; the checks talk to the person.
            return (
                subprocess.run(
                    arguments, cwd=root / directory, env=environment, stdout=sys.stderr, check=False
                ).returncode
                == 0
            )

        return check

    def terraform_command(*arguments: str) -> Callable[[], bool]:
        return command(terraform, *arguments, directory="terraform", **apart)

    def in_order(*steps: Callable[[], bool]) -> Callable[[], bool]:
        return lambda: all(step() for step in steps)

    checks = {
        "format": command(python, "-m", "ruff", "format", "--check", *sources),
        "lint": command(python, "-m", "ruff", "check", *sources),
        "types": in_order(
            command(python, "-m", "mypy"),
            # The function's modules are no package: the runtime finds them beside its handler.
            command(
                python,
                "-m",
                "mypy",
                "--config-file=",
                "--ignore-missing-imports",
                ".",
                directory="lambda/predict",
                MYPYPATH=".",
            ),
        ),
        "terraform fmt": terraform_command("fmt", "-recursive", "-check", "-diff"),
        "terraform validate": in_order(
            terraform_command("init", "-backend=false", "-input=false", *plugins),
            terraform_command("validate"),
        ),
        "terraform test": terraform_command("test"),
    }
    if not fast:
        checks["checkov"] = lambda: _audit(root, announce)
    selection = ["-m", "not slow and not cloud"] if fast else []
    checks["pytest"] = command(python, "-m", "pytest", *selection)
    return checks


def _audit(root: Path, announce: Callable[[str], None]) -> bool:
    from kennel.audit.code import audit_code

    report = audit_code(root, sarif=root / "build" / "audit" / "code.sarif")  # for the Security tab
    for line in report.lines():
        announce(line)
    return report.ok
