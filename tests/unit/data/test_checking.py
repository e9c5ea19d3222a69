"""The check: leakage, names, small classes, files; and which of them stop an upload."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from kennel.classifier.data import DataError, checking, folder, leakage, sources

Labelled = Callable[..., Path]


@pytest.fixture
def photos(labelled: Labelled) -> Path:
    """A data folder of three classes that has nothing wrong."""
    for name in sources.SPLITS:
        labelled({"cat": 4, "cow": 4, "dog": 4}, f"photos/{name}")
    return labelled({})


def test_a_sound_folder_passes(photos: Path) -> None:
    report = checking.check(photos)
    assert (report.errors, report.warnings, report.split, report.classes) == ([], [], True, 3)
    assert report.counts == {"train": 12, "valid": 12, "test": 12}


def test_a_test_photo_that_is_trained_on_is_an_error_unless_it_is_allowed(photos: Path) -> None:
    shutil.copy(photos / "test" / "cat" / "0.jpg", photos / "train" / "cat" / "other name.jpg")

    report = checking.check(photos)
    assert len(report.errors) == 1
    assert (
        "1 photos of test/ are in another split too, such as test/cat/0.jpg as train/cat/other name.jpg"
        in (report.errors[0])
    )
    assert "./kennel data.split" in report.errors[0]
    with pytest.raises(DataError, match="--allow-leakage"):
        checking.refuse(report)

    allowed = checking.check(photos, allow_leakage=True)
    checking.refuse(allowed)
    assert allowed.warnings == report.errors


def test_a_training_guards_the_test_split_itself(photos: Path) -> None:
    assert leakage.guard(folder.read(photos), allowed=False) is None
    shutil.copy(photos / "test" / "dog" / "1.jpg", photos / "valid" / "dog" / "9.jpg")
    with pytest.raises(DataError, match=r"such as test/dog/1\.jpg as valid/dog/9\.jpg"):
        leakage.guard(folder.read(photos), allowed=False)
    assert leakage.guard(folder.read(photos), allowed=True)


def test_a_validation_photo_that_is_trained_on_is_a_warning(photos: Path) -> None:
    shutil.copy(photos / "valid" / "cat" / "0.jpg", photos / "train" / "cat" / "9.jpg")
    report = checking.check(photos)
    assert report.ok
    assert ["1 photos of valid/ are in train/ too" in line for line in report.warnings] == [True]
    assert report.copies == [["train/cat/9.jpg", "valid/cat/0.jpg"]]


def test_another_size_in_another_split_is_a_warning(photos: Path) -> None:
    with Image.open(photos / "test" / "cat" / "0.jpg") as image:
        image.resize((50, 50)).save(photos / "train" / "cat" / "small.jpg")
    report = checking.check(photos)
    assert report.ok
    assert sorted(report.near[0]) == ["test/cat/0.jpg", "train/cat/small.jpg"]
    assert "1 pairs of photos in different splits are nearly the same" in report.warnings[0]


def test_a_photo_of_two_classes_and_copies_in_one_folder_are_warnings(photos: Path) -> None:
    shutil.copy(photos / "train" / "cat" / "0.jpg", photos / "train" / "dog" / "9.jpg")
    shutil.copy(photos / "train" / "cow" / "0.jpg", photos / "train" / "cow" / "9.jpg")
    report = checking.check(photos)
    assert report.ok
    assert report.warnings == [
        "1 photos are in several classes: train/cat/0.jpg and train/dog/9.jpg",
        "1 photos are copies of another one in their folder, such as train/cow/9.jpg",
    ]


def test_small_classes_are_named(photos: Path) -> None:
    for number in (0, 1):
        (photos / "train" / "cow" / f"{number}.jpg").unlink()
    shutil.rmtree(photos / "valid" / "dog")
    report = checking.check(photos)
    assert report.warnings == [
        "valid/ lacks 1 of 3 classes, such as dog",
        "1 of 3 classes have fewer than 3 photos to train on, such as cow (2)",
    ]


def test_names_that_collide_or_break_lines_are_errors_and_those_shown_alike_a_warning(
    photos: Path, labelled: Labelled
) -> None:
    for name in sources.SPLITS:
        labelled({"Cat": 4, "7.cow": 4}, f"photos/{name}")
    report = checking.check(photos)
    assert len(report.errors) == 1
    assert "'Cat' and 'cat' differ only in case" in report.errors[0]
    assert "the classes '7.cow' and 'cow' are shown by the same name" in report.warnings

    (photos / "test" / "cow" / "0.jpg").rename(photos / "test" / "cow" / "0\r.jpg")
    assert any("'0\\r.jpg' contains a control character" in line for line in checking.check(photos).errors)


def test_a_class_name_with_a_newline_is_refused_by_a_training(photos: Path, labelled: Labelled) -> None:
    for name in sources.SPLITS:
        labelled({"two\nlines": 4}, f"photos/{name}")
    shutil.copy(photos / "test" / "two\nlines" / "0.jpg", photos / "train" / "two\nlines" / "9.jpg")
    report = checking.check(photos)
    assert [line for line in [*report.errors, *report.warnings] if len(line.splitlines()) != 1] == []
    with pytest.raises(DataError, match=r"'two\\nlines' contains a control character") as refused:
        folder.read(photos)
    assert len(str(refused.value).splitlines()) == 1


def test_a_folder_that_is_not_split_is_checked_too(labelled: Labelled) -> None:
    photos = labelled({"cat": 5, "dog": 2})
    (photos / "dog" / "broken.jpg").write_text("no picture")
    report = checking.check(photos)
    assert report.ok
    assert (report.split, report.counts, report.classes) == (False, {"photos": 8}, 2)
    assert [line.split(":")[0] for line in report.unreadable] == ["dog/broken.jpg"]
    assert "is not split: data.upload and rehearse split it, or ./kennel data.split" in report.warnings[0]
    assert "1 of 2 classes have fewer than 3 photos in all, such as dog (2)" in report.warnings[1]


def test_what_makes_a_split_impossible_is_an_error_of_the_check(labelled: Labelled) -> None:
    assert "too few for three splits" in checking.check(labelled({"cat": 1, "dog": 1})).errors[0]


def test_a_training_says_how_to_split(labelled: Labelled) -> None:
    photos = labelled({"cat": 5, "dog": 5}, "my photos")
    with pytest.raises(DataError, match=r"is not split yet; split it: \./kennel data\.split '.*/my photos'"):
        folder.read(photos)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["a.jpg"], "lie in no class folder"),
        (["empty/"], "has no folder train/ and no class folders"),
        (["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], "val/ and valid/ are both the split valid"),
    ],
)
def test_layouts_that_are_none_are_refused(folders: list[str], message: str, tmp_path: Path) -> None:
    for name in folders:
        path = tmp_path / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(DataError, match=message):
        checking.check(tmp_path)


def test_a_class_of_toy_trains_is_no_split(labelled: Labelled) -> None:
    source = sources.read(labelled({"train": 3, "plane": 3}))
    assert (source.splits, source.classes) == ({}, ("plane", "train"))
