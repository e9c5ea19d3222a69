"""Splitting a folder: what is written, kept together, converted, reused and refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from kennel.classifier.data import DataError, checking, folder, formats, sources, splitting
from kennel.classifier.data.splitting import Settings, Split

Labelled = Callable[..., Path]
NAMES = ('Ana\'s "best" [b]', "-rf dash", "=SUM(1)", "犬 собака")


def split(directory: Path, name: str = "split", **settings: object) -> Split:
    target = directory.parent / name
    return splitting.split(sources.read(directory), target, Settings(**settings))  # type: ignore[arg-type]  # mixed


def written(made: Split) -> dict[str, set[str]]:
    """Return the paths CLASS/photo of each split."""
    return {
        name: {"/".join(path.parts[-2:]) for path in (made.directory / name).rglob("*.*")}
        for name in sources.SPLITS
    }


def test_every_photo_is_in_exactly_one_split_of_a_folder_that_can_be_trained_on(labelled: Labelled) -> None:
    photos = labelled(dict.fromkeys(NAMES, 12))
    made = split(photos)

    assert made.counts == {"train": 40, "valid": 4, "test": 4}
    paths = [path for split_paths in written(made).values() for path in split_paths]
    assert sorted(paths) == sorted(f"{name}/{number}.jpg" for name in NAMES for number in range(12))
    assert folder.read(made.directory).classes == tuple(sorted(NAMES))
    assert checking.check(made.directory).ok
    assert (made.directory / "train").is_dir()
    assert not list(photos.parent.glob("*.part"))


def test_the_same_photos_are_in_one_split_also_in_another_size(
    labelled: Labelled, picture: Callable[[int], Image.Image]
) -> None:
    photos = labelled({"cat": 10, "dog": 10})
    for number in range(10):
        shutil.copy(photos / "cat" / f"{number}.jpg", photos / "cat" / f"copy {number}.jpg")
        with Image.open(photos / "dog" / f"{number}.jpg") as image:
            image.resize((48, 48)).save(photos / "dog" / f"small {number}.png")
    made = split(photos, shares=splitting.Shares(0.3, 0.3))

    assert sum(made.counts.values()) == 40
    for paths in written(made).values():
        for number in range(10):
            assert (f"cat/{number}.jpg" in paths) == (f"cat/copy {number}.jpg" in paths)
            assert (f"dog/{number}.jpg" in paths) == (f"dog/small {number}.png" in paths)
    assert len(made.together) == 20
    report = checking.check(made.directory)
    assert (report.near, report.errors) == ([], [])


def test_the_same_seed_splits_the_same_way_whatever_the_names(labelled: Labelled) -> None:
    photos = labelled({"cat": 20, "dog": 20})
    first, second, other = split(photos, "a"), split(photos, "b"), split(photos, "c", seed=1)
    assert written(first) == written(second) != written(other)

    (photos / "cat" / "0.jpg").rename(photos / "cat" / "renamed.jpg")
    renamed = written(split(photos, "d"))
    assert {
        name: {path.replace("renamed", "0") for path in paths} for name, paths in renamed.items()
    } == written(first)


def test_links_lead_to_the_photos(labelled: Labelled) -> None:
    photos = labelled({"cat": 4, "dog": 4})
    made = split(photos, link=True)
    path = next((made.directory / "train" / "cat").iterdir())
    assert path.is_symlink()
    assert path.resolve().parent == (photos / "cat").resolve()
    assert len(folder.read(made.directory).splits["train"]) == 4


def test_other_formats_and_deceiving_suffixes_are_converted(
    labelled: Labelled, picture: Callable[[int], Image.Image]
) -> None:
    photos = labelled({"cat": 5, "dog": 5})
    picture(100).save(photos / "cat" / "0.bmp")
    picture(101).save(photos / "cat" / "deceiving.jpg", "TIFF")
    made = split(photos)

    assert sorted(made.converted) == ["cat/0.bmp", "cat/deceiving.jpg"]
    paths = set().union(*written(made).values())
    assert {"cat/0.jpg", "cat/0.bmp.jpg", "cat/deceiving.jpg.jpg"} <= paths
    assert checking.check(made.directory).unreadable == []


def test_unreadable_and_other_files_are_left_out_and_named(labelled: Labelled) -> None:
    photos = labelled({"cat": 5, "dog": 5})
    (photos / "cat" / "broken.jpg").write_text("no picture")
    (photos / "notes.txt").write_text("hello")
    (photos / ".hidden").mkdir()
    made = split(photos)
    assert [line.split(":")[0] for line in made.unreadable] == ["cat/broken.jpg"]
    assert made.ignored == ["notes.txt"]
    assert sum(made.counts.values()) == 10


def test_an_empty_class_stays_if_imagenet_knows_it(labelled: Labelled) -> None:
    photos = labelled({"cat": 5, "dog": 5, "Labrador retriever": 0, "nothing known": 0})
    made = split(photos)
    assert (made.classes, made.without_photos, made.ignored) == (
        3,
        ["Labrador retriever"],
        ["nothing known/"],
    )
    assert folder.read(made.directory).classes == ("Labrador retriever", "cat", "dog")
    report = checking.check(photos)
    assert (report.ok, report.classes) == (True, 3)
    assert "1 folders hold no photos and are left out, such as nothing known/" in report.warnings


def test_a_folder_is_made_once_and_again_when_the_photos_change(labelled: Labelled) -> None:
    photos = labelled({"cat": 5, "dog": 5})
    build = photos.parent / "build"
    directory, made = splitting.ready(photos, build)
    assert made is not None
    assert not made.reused
    again = splitting.ready(photos, build)[1]
    assert again is not None
    assert again.reused
    assert again.counts == made.counts

    labelled({"cow": 3})
    after, changed = splitting.ready(photos, build)
    assert changed is not None
    assert (after, changed.classes, changed.reused) == (directory, 3, False)


def test_a_folder_that_is_ready_is_used_in_place(labelled: Labelled) -> None:
    for name in sources.SPLITS:
        labelled({"cat": 2, "dog": 2}, f"photos/{name}")
    photos = labelled({})
    assert splitting.ready(photos, photos.parent / "build") == (photos, None)


def test_photos_stay_in_the_splits_that_exist(labelled: Labelled) -> None:
    for name, count in (("Training", 20), ("test", 3)):
        labelled({"cat": count, "dog": count}, f"photos/{name}")
    photos = labelled({})
    shutil.copy(photos / "test" / "cat" / "0.jpg", photos / "Training" / "cat" / "leak.jpg")
    made = split(photos)

    assert made.counts == {"train": 36, "valid": 4, "test": 6}
    assert written(made)["test"] == {f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(3)}
    assert made.left_out == ["Training/cat/leak.jpg"]
    assert checking.check(made.directory).ok


def test_foreign_files_of_a_split_folder_are_converted(
    labelled: Labelled, picture: Callable[[int], Image.Image]
) -> None:
    for name in sources.SPLITS:
        labelled({"cat": 2, "dog": 2}, f"photos/{name}")
    photos = labelled({})
    picture(100).save(photos / "test" / "cat" / "new.tif")
    directory, made = splitting.ready(photos, photos.parent / "build")
    assert made is not None
    assert made.converted == ["test/cat/new.tif"]
    assert (directory / "test" / "cat" / "new.tif.jpg").is_file()


def test_photos_that_need_a_plug_in_are_not_left_out(
    labelled: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_HEIF_PLUGIN", "a_plug_in_that_is_not_installed")
    photos = labelled({"cat": 4, "dog": 4})
    (photos / "cat" / "new.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(DataError, match=r"1 photos, such as cat/new\.heic: HEIC needs .* pillow-heif"):
        split(photos)


@pytest.mark.parametrize("name", ["two\nlines", "tab\tbed", "\x1b[31m"])
def test_a_class_name_that_breaks_lines_is_refused_in_one_line(name: str, labelled: Labelled) -> None:
    with pytest.raises(DataError, match="rename it") as refused:
        split(labelled({"cat": 4, name: 4}))
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_name_that_breaks_lines_is_replaced(labelled: Labelled) -> None:
    photos = labelled({"cat": 4, "dog": 4})
    (photos / "cat" / "0.jpg").rename(photos / "cat" / "0\n.jpg")
    made = split(photos)
    assert checking.check(made.directory).errors == []
    assert sum(made.counts.values()) == 8


def test_what_cannot_be_split_is_refused(labelled: Labelled, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only the class cat has photos"):
        split(labelled({"cat": 4}, "one"))
    with pytest.raises(DataError, match="2 photos are too few for three splits"):
        split(labelled({"cat": 1, "dog": 1}, "few"))
    with pytest.raises(DataError, match="'Cat' and 'cat' differ only in case"):
        split(labelled({"cat": 4, "Cat": 4}, "case"))
    photos = labelled({"cat": 4, "dog": 4})
    with pytest.raises(DataError, match="lies in the folder that is split"):
        splitting.split(sources.read(photos), photos / "split")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="already holds something else"):
        splitting.split(sources.read(photos), tmp_path / "full", replace=True)
    for number in range(4):
        (photos / "dog" / f"{number}.jpg").write_text("no picture")
    with pytest.raises(DataError, match=r"no photo of the class dog can be read: dog/0\.jpg: not a"):
        split(photos)


def test_a_target_that_cannot_be_written_is_named(labelled: Labelled, tmp_path: Path) -> None:
    photos = labelled({"cat": 4, "dog": 4})
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file.*: Not a directory; name another folder with --into"):
        splitting.split(sources.read(photos), tmp_path / "file" / "split")
