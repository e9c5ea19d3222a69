"""What the Terraform tests share: where the files are, and Terraform's own template renderer."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
TERRAFORM = ROOT / "terraform"


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
