"""The import contracts of pyproject.toml hold, and an import that breaks them is found."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
FUNCTION = sorted((ROOT / "lambda").rglob("*.py"))


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("aws/session.py", "from kennel.commands import task", id="upwards"),
        pytest.param(
            "aws/session.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kennel.commands import task",
            id="upwards, for type checkers only",
        ),
        pytest.param(
            "rehearsal.py", "import kennel.localcloud.lifecycle", id="the local cloud, from elsewhere"
        ),
        pytest.param("localcloud/lifecycle.py", "import kennel.aws", id="the project, from the local cloud"),
        pytest.param("classifier/metrics.py", "import boto3", id="the AWS SDK in a training container"),
        pytest.param("another/__init__.py", "", id="a package without a place"),
    ],
)
def test_an_import_that_breaks_a_contract_is_found(tmp_path: Path, module: str, line: str) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "src" / "kennel" / module
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")

    broken = lint(tmp_path)

    assert broken.returncode == 1, broken.stdout
    assert " BROKEN" in broken.stdout or "another" in broken.stdout


@pytest.mark.parametrize("path", FUNCTION, ids=lambda path: path.name)
def test_the_function_imports_nothing_from_src(path: Path) -> None:
    # It is packaged alone. import-linter cannot read its modules: they are no package.
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.add(node.module.split(".")[0])

    assert "kennel" not in imported
