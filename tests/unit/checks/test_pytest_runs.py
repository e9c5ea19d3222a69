"""The test runs of a small checkout: their counts, and the coverage of all of them together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kennel.checks import pytest_runs
from kennel.checks.check import Counts
from kennel.checks.programs import Programs

SETTINGS = """
[tool.coverage.run]
branch = true
source = ["src"]

[tool.coverage.report]
fail_under = 95
"""
# Each run covers a branch of its own; one of them does so in a process that it starts.
MODULE = """
import sys


def answer(run):
    if run == "unit":
        return 1
    if run == "integration":
        return 2
    if run == "e2e":
        return 3
    if run == "classifier":
        return 4
    return 5


if __name__ == "__main__":
    print(answer(sys.argv[1]))
"""
TEST = """
import sys

sys.path.insert(0, "src")
import module


def test_answer():
    assert module.answer("{run}") == {answer}
"""
TEST_OF_A_PROCESS = """
import subprocess
import sys


def test_answer():
    command = [sys.executable, "-m", "module", "{run}"]
    assert subprocess.run(command, cwd="src", capture_output=True, text=True).stdout == "{answer}\\n"
"""


@pytest.mark.slow
def test_counts_are_of_each_run_and_the_coverage_of_all_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "module.py").write_text(MODULE)
    for folder, answer, test in (
        ("unit", 0, TEST),
        ("unit/classifier", 4, TEST),
        ("integration", 2, TEST),
        ("e2e", 3, TEST_OF_A_PROCESS),
    ):
        run = Path(folder).name
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / f"test_{run}.py").write_text(test.format(run=run, answer=answer))

    small = tuple(replace(run, workers=0, only=run.only[:1]) for run in pytest_runs.RUNS)
    monkeypatch.setattr(pytest_runs, "RUNS", small)
    checks = pytest_runs.checks(tmp_path, Programs(tmp_path), fast=False)
    results = {check.name: check.run(lambda line: None) for check in checks}

    assert results["end-to-end"].tests == results["integration"].tests == Counts(passed=1)
    assert results["unit, models"].tests == Counts(passed=1)
    assert results["unit"].tests == Counts(failed=1)
    assert "assert 1 == 0" in results["unit"].output
    assert [name for name, result in results.items() if not result.ok] == ["unit", "coverage"]
    # 13 statements and 10 branches; the last statement and the branch to it are what no run reaches.
    assert results["coverage"].summary == "91% covered, at least 95%"


def test_each_test_is_in_one_run() -> None:
    tests = Path(__file__).parents[2]
    for folder in ("e2e", "integration", "unit"):
        *parts, rest = sorted(
            (run for run in pytest_runs.RUNS if run.folder == folder), key=lambda run: not run.only
        )
        assert rest.without == tuple(part for run in parts for part in run.only)
        assert [part for part in rest.without if not (tests / folder / part).is_dir()] == []
