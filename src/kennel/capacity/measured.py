"""What was measured, ``measurements.toml``: each figure with the document that has it and the command."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

MEASUREMENTS = Path(__file__).with_name("measurements.toml")


@cache
def measured() -> dict[str, Any]:
    """Return the whole table, with the document that each figure is from."""
    return tomllib.loads(MEASUREMENTS.read_text(encoding="utf-8"))


def figure(name: str) -> float:
    """Return a measured figure."""
    return float(measured()["figures"][name]["value"])
