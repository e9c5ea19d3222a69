"""The data folder ``train|valid|test/CLASS/picture``: reading it, and a check that names what is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from kennel.classifier import pictures
from kennel.classifier.data import DataError

SPLITS = ("train", "valid", "test")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


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


@dataclass
class Report:
    """The result of `check`: ``errors`` stop a training, ``warnings`` do not; each is one line."""

    root: Path
    classes: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether a training on this folder can start."""
        return not self.errors


def _visible(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.iterdir()) if not path.name.startswith("."))


def _pictures_in(directory: Path) -> list[Path]:
    return [p for p in _visible(directory) if p.suffix.lower() in SUFFIXES and p.is_file()]


def _class_names(split: Path) -> list[str]:
    return [path.name for path in _visible(split) if path.is_dir()] if split.is_dir() else []


def find_root(directory: Path) -> Path:
    """Return the folder that holds ``train/``: ``directory``, or its only subfolder that does.

    Raises
    ------
    DataError
        There is none.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise DataError(
            f"{directory}: no such data folder; `data.sample` draws one, `data.fetch` downloads one"
        )
    if (directory / "train").is_dir():
        return directory
    inner = [path for path in _visible(directory) if (path / "train").is_dir()]
    if len(inner) == 1:
        return inner[0]
    raise DataError(f"{directory}: has no folder train/; expected train|valid|test/CLASS/picture.jpg in it")


def read(directory: Path) -> Folder:
    """Read a data folder for training.

    Class indices are those of the sorted folder names below ``train/``.

    Raises
    ------
    DataError
        A split is missing or empty, there are fewer than two classes, a class has no training picture, or
        another split has a class that ``train/`` has not.
    """
    root = find_root(directory)
    classes = tuple(_class_names(root / "train"))
    if errors := _structure_errors(root, classes):
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


def _structure_errors(root: Path, classes: tuple[str, ...]) -> list[str]:
    errors = []
    if len(classes) < 2:
        present = f"only the class {classes[0]}" if classes else "no class folders"
        errors.append(f"train/ has {present}; a classifier needs at least two")
    for name in classes:
        if not _pictures_in(root / "train" / name):
            errors.append(f"train/{name} holds no pictures; add some, or remove the class from every split")
    for split in SPLITS[1:]:
        names = _class_names(root / split)
        if not (root / split).is_dir():
            errors.append(f"the folder {split}/ is missing; split the pictures into train, valid and test")
        elif not any(_pictures_in(root / split / name) for name in names):
            errors.append(f"{split}/ holds no pictures; split the pictures into train, valid and test")
        if unknown := sorted(set(names) - set(classes)):
            errors.append(f"{split}/{unknown[0]} has no counterpart in train/; add it there or remove it")
    return errors


def check(directory: Path, progress: Callable[[str], None] | None = None) -> Report:
    """Check every file of a data folder and report what is wrong with it.

    Raises
    ------
    DataError
        There is no ``train/`` folder at all, so nothing can be checked.
    """
    root = find_root(directory)
    classes = tuple(_class_names(root / "train"))
    report = Report(root, classes=len(classes), errors=_structure_errors(root, classes))
    paths: list[Path] = []
    for split in SPLITS:
        split_paths = [p for name in _class_names(root / split) for p in _pictures_in(root / split / name)]
        report.counts[split] = len(split_paths)
        paths += split_paths
        if (root / split).is_dir() and (bare := [n for n in classes if not (root / split / n).is_dir()]):
            report.warnings.append(f"{split}/ lacks {len(bare)} of {len(classes)} classes, such as {bare[0]}")
    known = set(paths)
    report.misplaced = [
        str(path.relative_to(root))
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path not in known
        and not any(p.startswith(".") for p in path.relative_to(root).parts)
    ]
    if report.misplaced:
        report.warnings.append(
            f"{len(report.misplaced)} misplaced files are ignored, such as {report.misplaced[0]}"
        )
    with ThreadPoolExecutor() as pool:
        for done, (path, fault) in enumerate(zip(paths, pool.map(pictures.fault, paths), strict=True), 1):
            if fault:
                report.unreadable.append(f"{path.relative_to(root)}: {fault}")
            if progress and (done % 500 == 0 or done == len(paths)):
                progress(f"{done} of {len(paths)} pictures checked")
    if report.unreadable:
        line = f"{len(report.unreadable)} of {len(paths)} pictures are unreadable: {report.unreadable[0]}"
        too_many = pictures.too_many_unreadable(len(report.unreadable), len(paths))
        (report.errors if too_many else report.warnings).append(line)
    return report


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
