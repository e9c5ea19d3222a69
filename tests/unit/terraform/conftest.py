"""Shared by the Terraform tests: files, their blocks, and Terraform's own template renderer."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
TERRAFORM = ROOT / "terraform"

# `terraform fmt` puts a block's closing brace at the start of a line, so no HCL parser is needed.
_BLOCK = re.compile(r'^(variable|output|resource|data|module) ("[^{]*") \{\n(.*?)^\}', re.M | re.S)


def blocks(path: Path, kind: str) -> dict[str, str]:
    """Return the bodies of a file's blocks of one kind, by their labels (joined with a dot), in order."""
    return {
        ".".join(re.findall(r'"([^"]*)"', labels)): body
        for block_kind, labels, body in _BLOCK.findall(path.read_text())
        if block_kind == kind
    }


def variables(module: Path) -> dict[str, str]:
    """Return the bodies of all variables of a module, which may have several files of them."""
    return {
        name: body
        for path in sorted(module.glob("variables*.tf"))
        for name, body in blocks(path, "variable").items()
    }


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Render a template as Terraform does, in an empty folder: no provider, no backend."""
    empty = tmp_path_factory.mktemp("console")

    def run(template: Path, **variables: Any) -> str:
        expression = f"jsonencode(templatefile({json.dumps(str(template))}, {json.dumps(variables)}))\n"
        completed = subprocess.run(
            [os.environ.get("KENNEL_TERRAFORM") or "terraform", "console", "-no-color"],
            input=expression,
            cwd=empty,
            capture_output=True,
            text=True,
            check=True,
        )
        # The console prints a string in HCL syntax: JSON within JSON.
        return str(json.loads(json.loads(completed.stdout)))

    return run
