"""Every check of ``./kennel test``, in the order in which they begin."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from kennel.aws.infrastructure.terraform import GARBAGE_PERCENT
from kennel.checks import pytest_runs
from kennel.checks.check import RESULTS, Check, CheckResult, Progress
from kennel.checks.programs import Programs

SOURCES = ("src", "tests", "bootstrap", "lambda", "ec2", "policies", "benchmarks", "tasks.py")
# What the tests import of other packages, and what those import only when it is used.
IMPORTED = (
    "boto3, IPython, ipykernel, matplotlib.figure, moto.ec2.models, moto.iam.models",
    "moto.moto_server.werkzeug_app, moto.s3.models, optuna, sagemaker.train.tuner",
    "sagemaker_pytorch_serving_container.handler_service, torch, torchvision.models",
)
QUICK = (
    "format",
    "lint",
    "imports",
    "dead code",
    "documents",
    "terraform fmt",
    "terraform style",
    "provider 6",
)


def checks(root: Path, programs: Programs, *, fast: bool = False) -> list[Check]:
    """Return the checks: those of seconds first, then the longest, so that nothing long begins last.

    Parameters
    ----------
    root
        The checkout.
    programs
        Where the checks start their programs.
    fast
        Leave out what takes minutes: checkov, the tests marked ``slow`` or ``cloud``, the coverage.
    """
    single = {check.name: check for check in [*_python(root, programs), *_terraform(root, programs)]}
    quick = [single.pop(name) for name in QUICK]
    bytecode = _bytecode(programs)
    tests = pytest_runs.checks(root, programs, fast=fast, after=(bytecode.name,))
    return [*quick, bytecode, *tests, *single.values(), *([] if fast else [_checkov(programs)])]


def _python(root: Path, programs: Programs) -> list[Check]:
    python = [sys.executable, "-m"]
    lint_imports = str(
        Path(sys.executable).with_name("lint-imports")
    )  # which is no module that Python can run
    sources = [name for name in SOURCES if (root / name).exists()]
    return [
        _program(programs, "format", [*python, "ruff", "format", "--check", *sources]),
        _program(programs, "lint", [*python, "ruff", "check", *sources]),
        _program(programs, "imports", [lint_imports, "--no-logo", "--cache-dir", str(RESULTS / "imports")]),
        _program(programs, "dead code", [*python, "kennel.checks.dead_code"]),
        _program(programs, "documents", [*python, "kennel.checks.documents"]),
        _program(programs, "types", [*python, "mypy"]),
        # The function's modules are no package: the runtime finds them beside its handler.
        _program(
            programs,
            "types strict",
            [*python, "mypy", "--config-file=", "--strict", "--ignore-missing-imports", "."],
            directory="lambda/predict",
            MYPYPATH=".",
        ),
    ]


def _bytecode(programs: Programs) -> Check:
    """Return what lets Python compile the packages once: the tests' workers would all do it side by side.

    What it compiles is no garbage: to look for some takes a fifth of the time.
    """
    program = f"import gc; gc.disable(); import {', '.join(IMPORTED)}"
    return _program(programs, "bytecode", [sys.executable, "-c", program])


def _terraform(root: Path, programs: Programs) -> list[Check]:
    terraform = [os.environ.get("KENNEL_TERRAFORM") or "terraform", "-chdir=terraform"]
    mirror = os.environ.get("KENNEL_PROVIDER_MIRROR")
    plugins = [f"-plugin-dir={mirror}"] if mirror else []
    # Own working data and no backend: the checks need no AWS and disturb no environment.
    apart = {
        "TF_DATA_DIR": str(root / RESULTS / "terraform"),
        "TF_IN_AUTOMATION": "1",
        "GOGC": GARBAGE_PERCENT,
    }
    with_provider = [sys.executable, "-m", "kennel.checks.shared_provider", *terraform]

    def command(name: str, *commands: list[str], after: tuple[str, ...] = ()) -> Check:
        return _program(programs, name, *commands, after=after, **apart)

    return [
        command("terraform fmt", [*terraform, "fmt", "-recursive", "-check", "-diff"]),
        _program(programs, "terraform style", [sys.executable, "-m", "kennel.checks.terraform_style"]),
        _program(programs, "provider 6", [sys.executable, "-m", "kennel.checks.provider_schema"]),
        command(
            "terraform validate",
            [*terraform, "init", "-backend=false", "-input=false", *plugins],
            [*with_provider, "validate", "-no-tests"],
        ),
        # That check installs the provider.
        command("terraform test", [*with_provider, "test"], after=("terraform validate",)),
    ]


def _program(
    programs: Programs,
    name: str,
    *commands: list[str],
    directory: str = ".",
    after: tuple[str, ...] = (),
    **variables: str,
) -> Check:
    """Return a check that passes if all its commands do."""

    def work(progress: Progress) -> CheckResult:
        return programs.run(name, *commands, progress=progress, directory=directory, variables=variables)

    return Check(name, work, after)


def _checkov(programs: Programs) -> Check:
    def work(progress: Progress) -> CheckResult:
        command = [sys.executable, "-m", "kennel.checks.code_audit"]
        result = programs.run("checkov", command, progress=progress)
        return replace(result, summary=(result.output.splitlines() or [""])[-1])

    return Check("checkov", work)
