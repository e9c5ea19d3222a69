"""The launcher's help, and the tasks that it knows by name."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tasks import namespace

from kennel.commands.command_line import named


def test_asking_for_help_about_the_tests_needs_no_audit_environment(checkout: Any) -> None:
    assert checkout.start("test", "--help").returncode == 0
    assert not (checkout.root / ".venv-audit").exists()


def test_help_on_a_fresh_clone_makes_nothing(checkout: Any) -> None:
    done = checkout.start("--help")
    assert done.returncode == 0
    assert "./kennel rehearse" in done.stdout
    assert not (checkout.root / ".venv").exists()


def test_usage_names_only_tasks_that_exist(checkout: Any) -> None:
    usage = checkout.start("--help").stdout
    words = set(re.findall(r"\./kennel ([a-z.]+)", usage))
    assert {"rehearse", "test"} <= words
    assert words <= set(named(namespace))


def test_the_tasks_that_get_a_set_up_of_their_own_exist(checkout: Any) -> None:
    script = (checkout.root / "kennel").read_text()
    [cases] = re.findall(r"for word in \"\$@\"; do\n(.*?)\n    --help", script, re.DOTALL)
    words = re.findall(r"[a-z]+(?:\.[a-z*]+)?(?= \||\))", cases)
    assert "local.up" in words
    for word in words:
        assert fnmatch.filter(named(namespace), word), word


def test_a_path_that_path_cannot_hold_is_refused_at_the_start(checkout: Any, tmp_path: Path) -> None:
    moved = tmp_path / "two:parts"
    moved.mkdir()
    shutil.copy2(checkout.root / "kennel", moved)

    done = subprocess.run(
        [moved / "kennel", "--list"], env=checkout.environment(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "rename or move it" in done.stderr
    assert done.stderr.count("\n") == 1
