"""Trainings that are killed half-way, and what continues them."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import torch

from .conftest import metrics, start


@pytest.mark.parametrize("sign", ["host 1 of 1: 7 classes", "epoch=2;", "epoch=4;"])
def test_a_killed_training_resumes_with_the_same_metrics(photos: Path, tmp_path: Path, sign: str) -> None:
    extra = ["--epochs", "6", "--views", "1"]
    whole = start(photos, tmp_path / "whole", *extra)
    whole.communicate(timeout=240)
    kept = ["--checkpoint-dir", str(tmp_path / "checkpoints"), "--checkpoint-seconds", "0"]
    killed = start(photos, tmp_path / "resumed", *extra, *kept)
    assert killed.stdout
    for line in killed.stdout:
        if line.startswith(sign):
            if "classes" in line:  # then wait for the pass to be under way
                wait_for(tmp_path / "checkpoints" / "features")
            killed.send_signal(signal.SIGKILL)
            break
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "resumed" / "metrics.json").exists()
    resumed = start(photos, tmp_path / "resumed", *extra, *kept)
    log = resumed.communicate(timeout=240)[0]
    assert resumed.returncode == 0, log
    assert ("resumed after epoch" in log) == sign.startswith("epoch")
    assert metrics(tmp_path / "resumed") == metrics(tmp_path / "whole")
    states = [torch.load(tmp_path / n / "model.pth", weights_only=True) for n in ("whole", "resumed")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_killed_training_of_the_backbone_resumes_too(photos: Path, tmp_path: Path) -> None:
    extra = ["--arch", "mobilenet_v3_small", "--no-pretrained", "--unfreeze", "1", "--workers", "0"]
    whole = start(photos, tmp_path / "whole", *extra)
    whole.communicate(timeout=240)
    kept = ["--checkpoint-dir", str(tmp_path / "checkpoints"), "--checkpoint-seconds", "0"]
    killed = start(photos, tmp_path / "resumed", *extra, *kept)
    assert killed.stdout
    for line in killed.stdout:
        if line.startswith("epoch=2;"):
            killed.send_signal(signal.SIGKILL)
            break
    killed.communicate(timeout=60)
    resumed = start(photos, tmp_path / "resumed", *extra, *kept)
    assert "resumed after epoch" in resumed.communicate(timeout=240)[0]
    states = [torch.load(tmp_path / n / "model.pth", weights_only=True) for n in ("whole", "resumed")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def wait_for(folder: Path) -> None:
    """Return once a few rows of features are on disk."""
    end = time.monotonic() + 60
    while not any(p.stat().st_size > 20_000 for p in folder.glob("*.f32")):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_checkpoint_of_another_training_is_not_continued(photos: Path, tmp_path: Path) -> None:
    kept = ["--checkpoint-dir", str(tmp_path / "checkpoints")]
    for seed, target in (("1", "a"), ("2", "b")):
        log = start(photos, tmp_path / target, *kept, "--seed", seed).communicate(timeout=120)[0]
        assert "resumed" not in log
    assert metrics(tmp_path / "a") != metrics(tmp_path / "b")
