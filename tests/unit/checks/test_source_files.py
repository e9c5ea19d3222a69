"""A file can be read from top to bottom: CONTRIBUTING.md states the limit."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LONGEST = 300  # lines


@pytest.mark.parametrize("folder", ["src", "lambda", "policies", "bootstrap"])
def test_no_source_file_is_long(folder: str) -> None:
    lines = {path: len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert lines
    assert {str(path): count for path, count in lines.items() if count > LONGEST} == {}
