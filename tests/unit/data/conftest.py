"""Folders of small photos for the tests of splitting and checking; nothing here imports PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def picture() -> Callable[[int], Image.Image]:
    """Return a function of a number: each number's picture differs from the others', as photos do."""

    def make(number: int) -> Image.Image:
        cells = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        return Image.fromarray(cells).resize((96, 96), Image.Resampling.BICUBIC)

    return make


@pytest.fixture
def labelled(tmp_path: Path, picture: Callable[[int], Image.Image]) -> Callable[..., Path]:
    """Return a function that makes ``root/CLASS/N.jpg``; the numbers of photos are given by class."""
    made = 0

    def make(counts: Mapping[str, int], root: str = "photos") -> Path:
        nonlocal made
        for name, count in counts.items():
            (tmp_path / root / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                made += 1
                picture(made).save(tmp_path / root / name / f"{number}.jpg")
        return tmp_path / root

    return make
