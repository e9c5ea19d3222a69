"""The data folder ``train|valid|test/CLASS/picture``: reading it, as a training does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kennel.classifier import imagenet
from kennel.classifier.data import DataError, formats, names, sources
from kennel.classifier.data.sources import SPLITS


@dataclass(frozen=True)
class Picture:
    """One labelled picture: its file and the index of its class."""

    path: Path
    label: int


@dataclass(frozen=True)
class Folder:
    """A data folder that has been read: sorted class names, and the pictures of each split, sorted."""

    root: Path
    classes: tuple[str, ...]
    splits: dict[str, list[Picture]]


def _pictures_in(directory: Path) -> list[Path]:
    return [
        p for p in sources.visible(directory) if p.suffix.lower() in formats.DIRECT_SUFFIXES and p.is_file()
    ]


def _class_names(split: Path) -> list[str]:
    return [path.name for path in sources.folders(split)]


def find_root(directory: Path) -> Path:
    """Return the folder that holds the splits: ``directory``, or its only subfolder that does.

    Raises
    ------
    DataError
        There is none; the text says how to split the photos.
    """
    root, splits = sources.locate(directory)
    if not splits:
        raise DataError(f"{directory}: is not split yet; split it: {sources.split_command(directory)}")
    if foreign := [path.name for split, path in splits.items() if path.name != split]:
        raise DataError(
            f"{directory}: {foreign[0]}/ is no name of a split (train, valid, test); rename it, or make "
            f"another folder: {sources.split_command(directory)}"
        )
    return root


def read(directory: Path) -> Folder:
    """Read a data folder for training.

    Class indices are those of the sorted folder names below ``train/``.

    Raises
    ------
    DataError
        A split is missing or empty, there are fewer than two classes, a class has no training picture
        and is not known from ImageNet either, or another split has a class that ``train/`` has not.
    """
    root = find_root(directory)
    classes = tuple(_class_names(root / "train"))
    if errors := structure_errors(root, classes):
        raise DataError(f"{root}: {errors[0]}")
    splits = {
        split: [
            Picture(path, label)
            for label, name in enumerate(classes)
            if (root / split / name).is_dir()
            for path in _pictures_in(root / split / name)
        ]
        for split in SPLITS
    }
    return Folder(root, classes, splits)


def structure_errors(root: Path, classes: tuple[str, ...]) -> list[str]:
    """Return lines on what stops a training of ``root`` with these class folders in ``train/``."""
    errors = [reason for name in classes if (reason := names.refusal(name))]
    if len(classes) < 2:
        few = f"only the class {classes[0]}" if classes else "no class folders"
        errors.append(f"train/ has {few}; a classifier needs at least two")
    for name in classes:
        if not _pictures_in(root / "train" / name) and not imagenet.categories_of(name):
            errors.append(f"train/{name} holds no pictures; add some, or remove the class from every split")
    if classes and not any(_pictures_in(root / "train" / name) for name in classes):
        errors.append(
            "train/ holds no pictures; add some, or `package --from-imagenet` makes a release without any"
        )
    for split in SPLITS[1:]:
        present = _class_names(root / split)
        if not (root / split).is_dir():
            errors.append(f"the folder {split}/ is missing; split the pictures into train, valid and test")
        elif not any(_pictures_in(root / split / name) for name in present):
            errors.append(f"{split}/ holds no pictures; split the pictures into train, valid and test")
        if unknown := sorted(set(present) - set(classes)):
            errors.append(f"{split}/{unknown[0]} has no counterpart in train/; add it there or remove it")
    return errors


def digest(folder: Folder, digests: dict[str, list[str]]) -> str:
    """Return a SHA-256 over classes, file names and file digests: the identity of these splits.

    Parameters
    ----------
    folder
        The data folder.
    digests
        For each split that counts, the SHA-256 of each of its pictures, in order.
    """
    total = hashlib.sha256("\n".join(folder.classes).encode())
    for split, values in digests.items():
        for picture, value in zip(folder.splits[split], values, strict=True):
            name = picture.path.relative_to(folder.root).as_posix()
            total.update(f"\n{name} {value}".encode())
    return total.hexdigest()
