"""Folders of labelled photos in the layouts that people have: split or not, in any accepted format."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kennel.classifier.data import DataError, formats

SPLITS = ("train", "valid", "test")
# How other programs name the splits.
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}
LAYOUTS = "give a folder with CLASS/photo.jpg or train|valid|test/CLASS/photo.jpg in it"


@dataclass(frozen=True)
class Photo:
    """One labelled photo: its file, its class, and the split that it lies in; None if it lies in none."""

    path: Path
    label: str
    split: str | None


@dataclass(frozen=True)
class Source:
    """A folder of labelled photos as it is found.

    Parameters
    ----------
    root
        The folder that holds the classes or the splits.
    photos
        In the order of their paths.
    splits
        The split folders that exist, ``train`` among them; empty if the photos are not split.
    classes
        The names of class folders, without those that hold no photo in any split, sorted.
    empty
        The names of the class folders that hold none, sorted.
    ignored
        Files that are no photos of a class, relative to the root.
    """

    root: Path
    photos: list[Photo]
    splits: dict[str, Path]
    classes: tuple[str, ...]
    empty: tuple[str, ...]
    ignored: list[str]

    @property
    def complete(self) -> bool:
        """Whether the folder has all splits, under their own names."""
        return all(self.splits.get(split) == self.root / split for split in SPLITS)

    def name(self, photo: Photo) -> str:
        """Return a photo's path in the source."""
        return photo.path.relative_to(self.root).as_posix()


def visible(directory: Path) -> Iterator[Path]:
    """Yield what a folder holds, sorted, without hidden files."""
    return (path for path in sorted(directory.iterdir()) if not path.name.startswith("."))


def folders(directory: Path) -> list[Path]:
    """Return the visible folders in a folder, sorted."""
    return [path for path in visible(directory) if path.is_dir()] if directory.is_dir() else []


def _photos_in(directory: Path) -> list[Path]:
    """Return the photos in a folder, links that lead nowhere among them, so that these are reported."""
    return [
        path
        for path in visible(directory)
        if path.suffix.lower() in formats.suffixes() and (path.is_file() or path.is_symlink())
    ]


def read(directory: Path) -> Source:
    """List the photos of a folder, in whichever layout.

    Raises
    ------
    DataError
        There is no such folder, it has no labelled photos, or two folders are the same split.
    """
    root, splits = locate(directory)
    directories = splits or {"": root}
    photos = [
        Photo(path, label.name, split or None)
        for split, parent in directories.items()
        for label in folders(parent)
        for path in _photos_in(label)
    ]
    classes = tuple(sorted({photo.label for photo in photos}))
    named = {label.name for parent in directories.values() for label in folders(parent)}
    known = {photo.path for photo in photos}
    ignored = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path not in known
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    return Source(root, photos, splits, classes, tuple(sorted(named - set(classes))), ignored)


def locate(directory: Path) -> tuple[Path, dict[str, Path]]:
    """Return the root of a data folder and its splits, none if it is not split.

    A folder that only surrounds the data is looked through.

    Raises
    ------
    DataError
        As `read`.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise DataError(
            f"{directory}: no such data folder; `data.sample` draws one, `data.fetch` downloads one"
        )
    inner = folders(directory)
    if splits := _splits(directory):
        return directory, splits
    if any(_photos_in(path) for path in inner):
        return directory, {}
    nested = [path for path in inner if _splits(path) or any(_photos_in(p) for p in folders(path))]
    if len(nested) == 1:
        return locate(nested[0])
    if _photos_in(directory):
        raise DataError(
            f"{directory}: its photos lie in no class folder; give each class its own: CLASS/photo.jpg"
        )
    raise DataError(f"{directory}: has no folder train/ and no class folders with photos; {LAYOUTS}")


def _splits(directory: Path) -> dict[str, Path]:
    """Return the folders that are splits, if ``train`` is among them."""
    by_split: dict[str, Path] = {}
    for path in folders(directory):
        split = _SPLIT_NAMES.get(path.name.casefold())
        if split is None or (_photos_in(path) and not folders(path)):
            continue
        if split in by_split:
            raise DataError(
                f"{directory}: {by_split[split].name}/ and {path.name}/ are both the split {split}; "
                "put their photos into one"
            )
        by_split[split] = path
    return {split: by_split[split] for split in SPLITS if split in by_split} if "train" in by_split else {}


def split_command(directory: Path) -> str:
    """Return the command line that splits a folder."""
    return f"./kennel data.split {shlex.quote(str(directory))}"
