"""Drawn photos: layout, determinism, variety."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from kennel.classifier import labels
from kennel.classifier.data import DataError, folder
from kennel.sample_photos import draw as drawing
from kennel.sample_photos.look import look


def digests(directory: Path) -> dict[str, str]:
    files = sorted(p for p in directory.rglob("*.jpg"))
    return {str(p.relative_to(directory)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_layout_is_the_courses(tmp_path: Path) -> None:
    drawing.draw(tmp_path / "a", classes=3, per_class={"train": 2, "valid": 1, "test": 1}, size=64, workers=1)
    data = folder.read(tmp_path / "a")
    assert data.classes == labels.breeds()[:3]
    assert [len(data.splits[s]) for s in folder.SPLITS] == [6, 3, 3]


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    shape = {"classes": 20, "per_class": {"train": 2, "valid": 1, "test": 1}, "size": 48}
    drawing.draw(tmp_path / "one", **shape, workers=1)
    drawing.draw(tmp_path / "two", **shape, workers=2)
    drawing.draw(tmp_path / "other", **shape, workers=1, seed=1)
    first = digests(tmp_path / "one")
    assert digests(tmp_path / "two") == first
    assert not set(digests(tmp_path / "other").values()) & set(first.values())
    assert len(set(first.values())) == len(first)


def test_no_two_breeds_look_alike() -> None:
    looks = {(look(breed), breed % 13) for breed in range(133)}
    assert len(looks) == 133


def test_photos_of_a_breed_differ() -> None:
    a, b = (np.asarray(drawing.photo(5, number, 64), np.float32) for number in (1, 2))
    assert np.abs(a - b).mean() > 5


def test_more_than_133_breeds_have_names() -> None:
    names = [drawing.class_name(breed) for breed in range(200)]
    assert len(set(names)) == 200
    assert names == sorted(names)


def test_a_full_folder_is_never_drawn_over(photos: Path) -> None:
    with pytest.raises(DataError, match="is not empty"):
        drawing.draw(photos, classes=2)


def test_drawing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    folder = drawing.draw(tmp_path / "s", classes=2, size=64)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}

    drawing.draw(folder, classes=2, size=64)

    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")} == before
    with pytest.raises(DataError, match="is not empty"):
        drawing.draw(folder, classes=2, size=64, seed=1)


def test_an_interrupted_drawing_is_begun_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "s.part" / "train" / "999.Half_drawn"
    unfinished.mkdir(parents=True)

    folder = drawing.draw(tmp_path / "s", classes=2, size=64)

    assert sorted(path.name for path in (folder / "train").iterdir()) == [
        "001.Affenpinscher",
        "002.Afghan_hound",
    ]
    assert not unfinished.exists()
