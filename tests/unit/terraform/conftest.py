"""What the Terraform tests share: the files, their blocks, and Terraform's own template renderer."""

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

# `terraform fmt` puts a block's braces at the start of a line, so this needs no parser of HCL.
_BLOCK = re.compile(r'^(variable|output|resource|data|module) ("[^{]*") \{\n(.*?)^\}', re.M | re.S)


def blocks(path: Path, kind: str) -> dict[str, str]:
    """Return the bodies of a file's blocks of one kind, by their labels (joined with a dot), in order."""
    return {
        ".".join(re.findall(r'"([^"]*)"', labels)): body
        for found, labels, body in _BLOCK.findall(path.read_text())
        if found == kind
    }


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Render a template as Terraform does, in an empty folder: no provider, no backend."""
    empty = tmp_path_factory.mktemp("console")

    def run(template: Path, **variables: Any) -> str:
        expression = f"jsonencode(templatefile({json.dumps(str(template))}, {json.dumps(variables)}))\n"
        answer = subprocess.run(
            [os.environ.get("KENNEL_TERRAFORM") or "terraform", "console", "-no-color"],
            input=expression,
            cwd=empty,
            capture_output=True,
            text=True,
            check=True,
        )
        # The console prints a string as HCL would write it: JSON in JSON.
        return str(json.loads(json.loads(answer.stdout)))

    return run
