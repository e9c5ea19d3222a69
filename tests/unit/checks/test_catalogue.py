"""Which checks there are, what ``--fast`` leaves out, and what pre-commit runs of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from kennel.checks import __main__ as command
from kennel.checks import catalogue
from kennel.checks.programs import Programs

ROOT = Path(__file__).resolve().parents[3]


def names(*, fast: bool) -> list[str]:
    return [check.name for check in catalogue.checks(ROOT, Programs(ROOT), fast=fast)]


def test_fast_leaves_out_what_takes_minutes_and_nothing_else() -> None:
    assert set(names(fast=False)) - set(names(fast=True)) == {"checkov", "coverage", "end-to-end"}


def test_what_is_cheapest_to_find_comes_first() -> None:
    assert names(fast=False)[: len(catalogue.QUICK)] == list(catalogue.QUICK)


def test_all_python_is_formatted_and_linted() -> None:
    other = {"build", "shared"}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."}
    with_python = {name for name in folders - other if any((ROOT / name).rglob("*.py"))}
    assert with_python <= set(catalogue.SOURCES)


def test_a_check_waits_only_for_checks_that_run() -> None:
    for fast in (False, True):
        for check in catalogue.checks(ROOT, Programs(ROOT), fast=fast):
            assert set(check.after) <= set(names(fast=fast)), check.name


def test_a_check_that_pre_commit_runs_is_one_of_them() -> None:
    entries = re.findall(r"kennel\.checks (.*)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.M)
    run = [quoted or word for entry in entries for quoted, word in re.findall(r'"([^"]+)"|(\S+)', entry)]

    assert set(catalogue.QUICK) <= set(run) <= set(names(fast=False))


def test_single_checks_run_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "module.py").write_text("x = 1\n")
    assert command.main(["format", "lint"]) == 0

    (tmp_path / "src" / "module.py").write_text("x=1\n")
    assert command.main(["format", "lint"]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("── format\n")
    assert "src/module.py" in printed
    assert "── lint" not in printed


def test_a_name_of_no_check_is_answered_with_the_names_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["no such check"]) == 2
    assert "terraform style" in capsys.readouterr().err
