"""The test runs: pytest on several workers, their counts, and the coverage of all runs together."""

from __future__ import annotations

import shutil
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kennel.checks import recording
from kennel.checks.check import RESULTS, Check, CheckResult, Counts, Progress
from kennel.checks.programs import Programs
from kennel.checks.recording import report

QUICK_TESTS = "not slow and not cloud"


@dataclass(frozen=True)
class Run:
    """One run of pytest: a folder below ``tests/``, how many workers share its modules, and its niceness.

    The runs share the processors. The longest, which waits for Terraform most of the time, has them when it
    needs them; the others fill the gaps.

    Attributes
    ----------
    workers
        0 for tests in the process of pytest itself.
    only
        The folder's parts that it has; all if empty.
    without
        The folder's parts that it does not have.
    """

    name: str
    folder: str
    workers: int
    niceness: int
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Return what says to pytest which tests these are."""
        folder = f"tests/{self.folder}"
        return [
            *([f"{folder}/{part}" for part in self.only] or [folder]),
            *(f"--ignore={folder}/{part}" for part in self.without),
        ]


# The longest first. The end-to-end tests fall into three groups (their conftest.py), each with a worker.
END_TO_END = Run("end-to-end", "e2e", workers=3, niceness=0)
# Unit tests that train, export or draw: they import torch, torchvision, OpenVINO and Matplotlib.
MODELS = ("classifier", "packaging", "pictures", "report", "serving")
# Unit tests wait for nothing: they fill the gaps, and use both processors at the end, when the others are
# done. Each of two workers of xdist would import what all of them import, and collect all of their modules.
RUNS = (
    END_TO_END,
    Run("integration", "integration", workers=3, niceness=5),
    Run("unit", "unit", workers=0, niceness=10, without=MODELS),
    Run("unit, models", "unit", workers=0, niceness=10, only=MODELS),
)


def checks(root: Path, programs: Programs, *, fast: bool, after: tuple[str, ...] = ()) -> list[Check]:
    """Return a check for each test run and one for the coverage; without coverage if ``fast``.

    Parameters
    ----------
    after
        The checks that the test runs wait for.
    """
    runs = [run for run in RUNS if not (fast and run is END_TO_END)]  # all of which take minutes
    test_runs = [_check(run, root, programs, after, fast=fast) for run in runs]
    if fast:
        return test_runs
    return [*test_runs, _coverage(programs, root, after=tuple(run.name for run in RUNS))]


def counts(report: Path) -> Counts:
    """Return the counts of a JUnit report; a run that left none counts as one failed test."""
    try:
        suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest wrote it
    except (OSError, ElementTree.ParseError):
        return Counts(failed=1)
    total = Counts()
    for suite in suites:
        number = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
        failed = number["failures"] + number["errors"]
        total += Counts(number["tests"] - failed - number["skipped"], failed, number["skipped"])
    return total


def _check(run: Run, root: Path, programs: Programs, after: tuple[str, ...], *, fast: bool) -> Check:
    results = root / RESULTS / f"{run.name}.xml"
    # In the order of the folders: xdist would begin with the modules of many tests, and end with the longest.
    arguments = ["--numprocesses", str(run.workers), "--dist", "loadfile", "--no-loadscope-reorder"]
    arguments += ["--durations", "15", f"--junitxml={results}"]
    if fast:
        arguments += ["-m", QUICK_TESTS]
    records = _coverage_data(root) / run.name

    def work(progress: Progress) -> CheckResult:
        results.unlink(missing_ok=True)
        shutil.rmtree(records, ignore_errors=True)
        records.mkdir()
        result = programs.run(
            run.name,
            [
                "nice",
                "-n",
                str(run.niceness),
                sys.executable,
                "-m",
                "pytest",
                *run.arguments(),
                *arguments,
            ],
            progress=progress,
            variables={
                **({} if fast else recording.variables(records, _sources(root))),
                # Workers share the cores: torch's idle threads would spin on those that others need, which
                # makes trainings cost 2.6 times the processor time.
                "OMP_NUM_THREADS": "1",
            },
        )
        tests = counts(results)
        return replace(result, ok=result.ok and not tests.failed, summary=str(tests), tests=tests)

    return Check(run.name, work, after)


def _coverage_data(root: Path) -> Path:
    folder = root / RESULTS / "coverage"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _settings(root: Path) -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["coverage"]
    return settings


def _sources(root: Path) -> list[Path]:
    return [root.resolve() / source for source in _settings(root)["run"]["source"]]


def _coverage(programs: Programs, root: Path, after: tuple[str, ...]) -> Check:
    floor = _settings(root)["report"]["fail_under"]

    def work(progress: Progress) -> CheckResult:
        folder = _coverage_data(root)
        data = folder / "all"
        data.unlink(missing_ok=True)
        report.write(data, _sources(root), folder.glob("*/*.json"))
        result = programs.run(
            "coverage",
            [sys.executable, "-m", "coverage", "report"],
            progress=progress,
            variables={"COVERAGE_FILE": str(data)},
        )
        totals = [line.split()[-1] for line in result.output.splitlines() if line.startswith("TOTAL ")]
        covered = totals[0] if totals else "nothing measured"
        return replace(result, summary=f"{covered} covered, at least {floor}%")

    return Check("coverage", work, after)
