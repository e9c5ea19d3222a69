"""The uv that the launcher's tests run with."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT))  # for `bootstrap`, which is beside the launcher


@pytest.fixture(scope="module")
def uv() -> Path:
    """The uv that this checkout's own set-up uses; it is installed if there is none yet."""
    from bootstrap.installer import find_uv

    (ROOT / ".tools").mkdir(exist_ok=True)
    return find_uv(ROOT, ROOT / ".tools", Path(sys.executable), platform.python_version())
