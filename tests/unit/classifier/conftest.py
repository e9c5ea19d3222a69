"""Drawn pictures and a small trained model that the classifier's tests share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kennel.classifier import training
from kennel.sample_photos.draw import draw


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn breeds; tests that change it take `photos`."""
    per_class = {"train": 4, "valid": 2, "test": 2}
    return draw(tmp_path_factory.mktemp("drawn"), classes=6, per_class=per_class, size=96, workers=1)


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    """Return a copy of the drawn folder that a test may change."""
    return Path(shutil.copytree(drawn, tmp_path / "photos"))


@pytest.fixture(scope="session")
def model_dir(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained on the drawn breeds."""
    target = tmp_path_factory.mktemp("trained")
    assert training.main(["--data", str(drawn), "--model-dir", str(target), "--epochs", "5"]) == 0
    return target
