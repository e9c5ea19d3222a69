"""The hostile pictures of benchmarks/, which is no package."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "hostile_pictures.py"


@cache
def module() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("hostile_pictures", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
