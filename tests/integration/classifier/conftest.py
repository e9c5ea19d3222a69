"""Trainings as processes of their own, on drawn photos."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kennel.sample_photos.draw import draw

SRC = Path(__file__).parents[3] / "src"
CLASSES = 7
PER_CLASS = {"train": 2, "valid": 1, "test": 1}
MEASURED = ("test_top1", "test_loss", "macro_f1", "ece", "val_loss", "valid_top1", "epochs")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("photos") / "data"
    return draw(target, classes=CLASSES, per_class=PER_CLASS, size=96, workers=1)


def plain_environment() -> dict[str, str]:
    """Return the variables of a training."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    return kept | {"PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": loopback()}


def start(photos: Path, target: Path, *extra: str, **environment: str) -> subprocess.Popen[str]:
    variables = plain_environment() | environment
    command = [
        sys.executable,
        "-m",
        "kennel.classifier.training",
        "--data",
        str(photos),
        "--model-dir",
        str(target),
    ]
    return subprocess.Popen(
        [*command, "--no-plots", "--epochs", "4", "--workers", "1", *extra],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def loopback() -> str:
    return "lo" if sys.platform == "linux" else "lo0"


def metrics(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "metrics.json").read_text())
    return {name: document[name] for name in MEASURED}
