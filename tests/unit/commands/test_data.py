"""The tasks of photos: an upload refuses what the check refuses, and splits what is not split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kennel.classifier.data import DataError
from kennel.commands import data


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of eight different photos, not split."""
    for index, name in enumerate(("big dog", "cat")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            noise = np.random.default_rng(8 * index + number).integers(0, 256, (8, 8, 3), np.uint8)
            picture = Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC)
            picture.save(tmp_path / "photos" / name / f"{number}.jpg")
    return tmp_path / "photos"


def test_an_upload_splits_says_so_and_refuses_what_the_check_refuses(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "SPLITS", tmp_path / "splits")

    made = data._accepted(photos, allow_leakage=False)

    assert made.parent == tmp_path / "splits"
    assert str(made) in "".join(capsys.readouterr().err.splitlines())
    assert data._accepted(made, allow_leakage=False) == made
    held_out = next((made / "test" / "cat").iterdir())
    (made / "train" / "cat" / "copy.jpg").write_bytes(held_out.read_bytes())
    with pytest.raises(DataError, match="1 photos of test/ are in another split too"):
        data._accepted(made, allow_leakage=False)
    assert data._accepted(made, allow_leakage=True) == made
