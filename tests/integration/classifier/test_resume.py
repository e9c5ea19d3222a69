"""Trainings that are killed half-way, and what continues them."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest

from .conftest import CLASSES, Start, metrics

EXTRA = ["--epochs", "6", "--views", "1"]


@pytest.fixture(scope="module")
def whole(photos: Path, start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a training that ran to its end; its checkpoints are in ``checkpoints``."""
    folder = tmp_path_factory.mktemp("whole")
    training = start(photos, folder, *EXTRA, "--checkpoint-dir", str(folder / "checkpoints"))
    log = training.finish()
    assert training.returncode == 0, log
    return folder


@pytest.mark.parametrize("sign", [f"host 1 of 1: {CLASSES} classes", "epoch=4;"])
def test_a_killed_training_resumes_with_the_same_metrics(
    photos: Path, start: Start, whole: Path, tmp_path: Path, sign: str
) -> None:
    kept = ["--checkpoint-dir", str(tmp_path / "checkpoints"), "--checkpoint-seconds", "0"]
    killed = start(photos, tmp_path / "resumed", *EXTRA, *kept)
    for line in killed.stdout:
        if line.startswith(sign):
            if "classes" in line:  # then wait for the pass to be under way
                wait_for(tmp_path / "checkpoints" / "features")
            killed.send_signal(signal.SIGKILL)
            break
    killed.finish()
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "resumed" / "metrics.json").exists()
    resumed = start(photos, tmp_path / "resumed", *EXTRA, *kept)
    log = resumed.finish()
    assert resumed.returncode == 0, log
    assert ("resumed after epoch" in log) == sign.startswith("epoch")
    assert metrics(tmp_path / "resumed") == metrics(whole)
    assert_same_weights(whole, tmp_path / "resumed")


def test_a_killed_training_of_the_backbone_resumes_too(photos: Path, start: Start, tmp_path: Path) -> None:
    extra = ["--arch", "mobilenet_v3_small", "--no-pretrained", "--unfreeze", "1", "--workers", "0"]
    whole = start(photos, tmp_path / "whole", *extra)
    whole.finish()
    kept = ["--checkpoint-dir", str(tmp_path / "checkpoints"), "--checkpoint-seconds", "0"]
    killed = start(photos, tmp_path / "resumed", *extra, *kept)
    for line in killed.stdout:
        if line.startswith("epoch=2;"):
            killed.send_signal(signal.SIGKILL)
            break
    killed.finish()
    resumed = start(photos, tmp_path / "resumed", *extra, *kept)
    assert "resumed after epoch" in resumed.finish()
    assert_same_weights(tmp_path / "whole", tmp_path / "resumed")


def assert_same_weights(*folders: Path) -> None:
    import torch

    first, second = (torch.load(folder / "model.pth", weights_only=True) for folder in folders)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def wait_for(folder: Path) -> None:
    """Return once a few rows of features are on disk."""
    end = time.monotonic() + 60
    while not any(p.stat().st_size > 20_000 for p in folder.glob("*.f32")):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_checkpoint_of_another_training_is_not_continued(
    photos: Path, start: Start, whole: Path, tmp_path: Path
) -> None:
    checkpoints = shutil.copytree(whole / "checkpoints", tmp_path / "checkpoints")
    other = start(photos, tmp_path / "other", *EXTRA, "--checkpoint-dir", str(checkpoints), "--seed", "2")
    assert "resumed" not in other.finish()
    assert metrics(tmp_path / "other") != metrics(whole)
