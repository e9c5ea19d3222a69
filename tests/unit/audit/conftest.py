"""The modules of `policies/` that need no checkov."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

POLICIES = Path(__file__).resolve().parents[3] / "policies"
NAMES = ("statements", "rules", "escalations", "jobs", "trusts", "catalogue")


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, Any]]:
    """The checks' modules that need no checkov, imported as checkov imports them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(POLICIES))
        yield {name: importlib.import_module(name) for name in NAMES}
        for name in NAMES:
            sys.modules.pop(name, None)
