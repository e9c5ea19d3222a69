"""Data folders: what is read, what is refused, what is reported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kennel import class_names
from kennel.classifier import labels
from kennel.classifier.data import DataError, checking, folder


def test_class_indices_are_the_sorted_folder_names(photos: Path) -> None:
    data = folder.read(photos)
    assert list(data.classes) == sorted(p.name for p in (photos / "train").iterdir())
    assert {p.path.parent.name for p in data.splits["test"] if p.label == 2} == {data.classes[2]}
    assert {split: len(items) for split, items in data.splits.items()} == {
        "train": 24,
        "valid": 12,
        "test": 12,
    }


def test_any_names_and_nesting_one_level_down_are_read(photos: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    photos.rename(outer / "myset")
    for split in folder.SPLITS:
        first = sorted((outer / "myset" / split).iterdir())[0]
        first.rename(first.with_name("zebra crossing"))
    assert folder.read(outer).classes[-1] == "zebra crossing"


def test_a_folder_without_train_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no folder train/"):
        folder.read(tmp_path)
    with pytest.raises(DataError, match=r"no such data folder"):
        checking.check(tmp_path / "nowhere")


def test_a_missing_split_stops_a_training(photos: Path) -> None:
    shutil.rmtree(photos / "valid")
    with pytest.raises(DataError, match=r"the folder valid/ is missing"):
        folder.read(photos)


def test_an_empty_class_stops_a_training(photos: Path) -> None:
    (photos / "train" / "nobody").mkdir()
    with pytest.raises(DataError, match=r"train/nobody holds no pictures"):
        folder.read(photos)


def test_an_empty_class_that_imagenet_knows_does_not(photos: Path) -> None:
    (photos / "train" / "Pug").mkdir()

    data = folder.read(photos)

    assert data.classes[-1] == "Pug"
    assert len(data.classes) - 1 not in {picture.label for picture in data.splits["train"]}


def test_without_any_training_photo_the_way_out_is_a_release_from_imagenet(photos: Path) -> None:
    shutil.rmtree(photos / "train")
    for name in ("Beagle", "Pug"):
        (photos / "train" / name).mkdir(parents=True)
    with pytest.raises(DataError, match=r"train/ holds no pictures; .*package --from-imagenet"):
        folder.read(photos)


def test_one_class_only_stops_a_training(photos: Path) -> None:
    for split in folder.SPLITS:
        for extra in sorted((photos / split).iterdir())[1:]:
            shutil.rmtree(extra)
    with pytest.raises(DataError, match=r"only the class 001.Affenpinscher; a classifier needs at least two"):
        folder.read(photos)


def test_a_class_that_train_lacks_stops_a_training(photos: Path) -> None:
    shutil.copytree(next((photos / "test").iterdir()), photos / "test" / "unknown")
    with pytest.raises(DataError, match=r"test/unknown has no counterpart in train/"):
        folder.read(photos)


def test_check_names_unreadable_and_misplaced_files(photos: Path) -> None:
    breed = next((photos / "train").iterdir())
    (breed / "text.jpg").write_text("no picture at all")
    whole = next(p for p in breed.iterdir() if p.suffix == ".jpg" and p.name != "text.jpg")
    (breed / "cut.jpg").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (photos / "train" / "misplaced.jpg").write_bytes(whole.read_bytes())
    (photos / "notes.txt").write_text("hello")
    report = checking.check(photos)
    assert [line.split(": ")[0] for line in report.unreadable] == [
        f"train/{breed.name}/cut.jpg",
        f"train/{breed.name}/text.jpg",
    ]
    assert report.misplaced == ["notes.txt", "train/misplaced.jpg"]
    assert not report.ok  # 2 of 50 is more than 1 %


def test_check_passes_a_sound_folder_with_its_counts(photos: Path) -> None:
    report = checking.check(photos)
    assert report.ok
    assert report.warnings == []
    assert (report.classes, report.counts) == (6, {"train": 24, "valid": 12, "test": 12})


def test_the_digest_follows_names_and_bytes(photos: Path) -> None:
    data = folder.read(photos)
    some = ["a"] * 12
    before = folder.digest(data, {"valid": some})
    assert folder.digest(folder.read(photos), {"valid": some}) == before
    assert folder.digest(data, {"valid": ["b", *some[1:]]}) != before
    assert folder.digest(data, {"test": some}) != before
    first = data.splits["valid"][0].path
    first.rename(first.with_name("renamed.jpg"))
    assert folder.digest(folder.read(photos), {"valid": some}) != before


def test_the_course_has_133_breeds() -> None:
    assert len(set(labels.breeds())) == 133
    assert labels.breeds()[95] == "096.Labrador_retriever"
    assert class_names.readable("096.Labrador_retriever") == "Labrador retriever"
    assert class_names.readable("7") == "7"
