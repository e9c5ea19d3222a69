"""What the workers of the integration tests share the modules by."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Folders with a fixture that takes longer than their tests: a run of checkov, a process that has PyTorch.
TOGETHER = ("audit", "classifier")


class FolderScheduling(LoadScopeScheduling):
    """Gives the modules of such a folder to one worker, and each other module to any."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::")[0]
        folder = module.split("/")[-2]
        return folder if folder in TOGETHER else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling:
    return FolderScheduling(config, log)
