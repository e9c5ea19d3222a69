"""The gallery shows photos that were not trained on, from where some are at hand."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from kennel.playground import samples


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)


def test_photos_outside_the_training_split_are_shown_of_classes_spread_evenly(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    photo(tmp_path / "trained" / "train" / "001.Akita" / "1.jpg")
    for number in range(40):
        photo(tmp_path / "dogs" / "test" / f"{number:03d}.Breed_{number}" / "1.jpg")
    folders = [tmp_path / "empty", tmp_path / "trained", tmp_path / "dogs"]

    gallery = samples.gallery(folders, tmp_path / "drawn")

    assert [sample.label for sample in gallery] == [f"Breed {number}" for number in range(0, 40, 5)]
    assert all(sample.path.is_relative_to(tmp_path / "dogs" / "test") for sample in gallery)
    assert not (tmp_path / "drawn").exists()


def test_without_photos_some_are_drawn_and_drawn_once(tmp_path: Path) -> None:
    gallery = samples.gallery([tmp_path / "none"], tmp_path / "drawn")

    assert len(gallery) == samples.COUNT
    assert gallery[0].label == "Affenpinscher"
    before = [sample.path.stat().st_mtime_ns for sample in gallery]
    assert [sample.path.stat().st_mtime_ns for sample in samples.gallery([], tmp_path / "drawn")] == before
