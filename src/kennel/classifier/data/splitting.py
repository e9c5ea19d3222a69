"""Writes a data folder ``train|valid|test/CLASS/photo`` from a folder of labelled photos in any layout."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kennel.classifier import imagenet
from kennel.classifier.data import DataError, fingerprints, folder, formats, names, sources
from kennel.classifier.data.assignment import Shares
from kennel.classifier.data.fingerprints import Progress
from kennel.classifier.data.placement import Placed, Placement, place
from kennel.classifier.data.sources import Source
from kennel.pictures import PictureError

_MARKER = ".split.json"
_VERSION = 2  # of the rules: a folder made by others is made again


@dataclass(frozen=True)
class Settings:
    """How photos are split, and whether the new folder holds copies or symbolic links."""

    shares: Shares = field(default_factory=Shares)
    seed: int = 0
    link: bool = False


@dataclass
class Split:
    """A data folder that was made; the lists are of paths in the source.

    Parameters
    ----------
    directory, source
        The new folder and the one that it was made from.
    counts
        Photos of each split.
    together
        Groups of photos that are the same or nearly so, and therefore in one split.
    converted
        Photos that were converted to JPEG.
    left_out
        Copies of a photo of a held-out split that lay in another.
    unreadable
        Lines on photos that cannot be read, and are left out.
    without_photos
        Classes that have no photo, but are known from ImageNet: they stay, as empty folders.
    ignored
        Files that are no photos of a class, and folders that hold none.
    reused
        Whether the folder was there already, made from the same photos in the same way.
    """

    directory: Path
    source: Path
    classes: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    together: list[list[str]] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    without_photos: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    reused: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the split as a JSON document."""
        return {**asdict(self), "directory": str(self.directory), "source": str(self.source)}


def ready(directory: Path, build: Path, progress: Progress = None) -> tuple[Path, Split | None]:
    """Return a data folder that a training can read: the given one, or one made from it below ``build``.

    Returns
    -------
    tuple
        The folder, and how it was made; None if the given one is split and in the formats of a training.

    Raises
    ------
    DataError
        The photos cannot be split or used.
    """
    source = sources.read(directory)
    if source.complete and not any(formats.is_foreign(photo.path) for photo in source.photos):
        return folder.read(source.root).root, None
    made = split(source, default_target(source, build), Settings(link=True), replace=True, progress=progress)
    return folder.read(made.directory).root, made


def default_target(source: Source, build: Path) -> Path:
    """Return the folder below ``build`` for the splits of a source: its name, and a digest of its path."""
    path = source.root.resolve()
    return build / f"{path.name}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def split(
    source: Source,
    target: Path,
    settings: Settings = Settings(),
    *,
    replace: bool = False,
    progress: Progress = None,
) -> Split:
    """Make the data folder ``target`` from a source; the source is not changed.

    Photos that lie in a split stay there. Splits that are missing are filled from the photos that lie in
    none, or from the training photos. Photos in formats that a training does not read become JPEGs. It is
    complete or absent: it is written beside the target and renamed at the end.

    Parameters
    ----------
    replace
        Whether a folder that was made from other photos, or in another way, is replaced.

    Raises
    ------
    DataError
        There are too few photos, a name is not accepted or collides, or the folder cannot be written.
    """
    target = Path(target)
    if target.resolve().is_relative_to(source.root.resolve()):
        raise DataError(f"{target}: lies in the folder that is split; name one outside {source.root}")
    made_from = _identity(source, settings)
    if existing := _existing(target, made_from):
        return existing
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        if not (replace and (target / _MARKER).is_file()):
            raise DataError(
                f"{target}: already holds something else; remove it or name another folder with --into"
            )
        shutil.rmtree(target)
    without_photos = [name for name in source.empty if imagenet.categories_of(name)]
    _refuse_names(source, [*source.classes, *without_photos])
    examined = fingerprints.examine_all([photo.path for photo in source.photos], progress)
    result = Split(target, source.root, without_photos=without_photos)
    result.ignored = [*source.ignored, *(f"{name}/" for name in source.empty if name not in without_photos)]
    placed = _noted(place(source, examined, settings.shares, settings.seed), result)
    try:
        _write(placed, target, settings, made_from, result, progress)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space or use --link" if full else "name another folder with --into"
        raise DataError(f"{error.filename or target}: {error.strerror or error}; {remedy}") from error
    return result


def _identity(source: Source, settings: Settings) -> str:
    """Return a digest of what a split depends on; files count by name, size and time of change."""
    total = hashlib.sha256(json.dumps([_VERSION, asdict(settings), source.empty]).encode())
    for photo in source.photos:
        try:
            stat = photo.path.stat()
        except OSError:
            continue  # a link that leads nowhere
        total.update(os.fsencode(photo.path.relative_to(source.root)) + b"\0")
        total.update(f"{photo.split} {stat.st_size} {stat.st_mtime_ns}\0".encode())
    return total.hexdigest()


def _existing(target: Path, made_from: str) -> Split | None:
    """Return the split that a folder holds already, if it was made from the same photos in the same way."""
    try:
        marker = json.loads((target / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(marker, dict) or marker.get("made_from") != made_from:
        return None
    document = marker["split"]
    paths = {name: Path(document[name]) for name in ("directory", "source")}
    return Split(**{**document, **paths, "directory": target, "reused": True})


def _refuse_names(source: Source, classes: Sequence[str]) -> None:
    if few := names.too_few(classes):
        raise DataError(f"{source.root}: {few}")
    for name in classes:
        if reason := names.refusal(name):
            raise DataError(f"{source.root}: {reason}")
    for line in names.collisions(classes):
        raise DataError(f"{source.root}: {line}")


def _noted(placement: Placement, result: Split) -> list[Placed]:
    """Note in the result what becomes of the photos, and return those that are written."""
    result.unreadable, result.left_out = placement.unreadable, placement.left_out
    result.together = placement.together
    result.converted = [item.name for item in placement.placed if item.fingerprint.foreign]
    result.classes = len({item.photo.label for item in placement.placed}) + len(result.without_photos)
    counts = Counter(item.split for item in placement.placed)
    result.counts = {split: counts[split] for split in sources.SPLITS}
    return placement.placed


def _write(
    placed: list[Placed], target: Path, settings: Settings, made_from: str, result: Split, progress: Progress
) -> None:
    unfinished = target.with_name(target.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    taken: set[str] = set()
    for done, item in enumerate(placed, 1):
        parent = unfinished / item.split / names.normalised(item.photo.label)
        parent.mkdir(parents=True, exist_ok=True)
        _write_photo(item, parent / _file_name(item, parent, taken), settings.link)
        if progress and (done % 500 == 0 or done == len(placed)):
            progress(f"{done} of {len(placed)} photos written")
    for name in result.without_photos:
        (unfinished / "train" / names.normalised(name)).mkdir(parents=True)
    marker = {"made_from": made_from, "split": result.as_dict()}
    (unfinished / _MARKER).write_text(json.dumps(marker, indent=1), encoding="utf-8")
    if target.is_dir():
        target.rmdir()
    unfinished.rename(target)


def _file_name(item: Placed, parent: Path, taken: set[str]) -> str:
    """Return a name that is accepted, has a suffix that a training reads, and is not taken in its folder."""
    path, digest = item.photo.path, item.fingerprint.digest
    name = path.name if names.refusal(path.name) is None else f"photo-{digest[:12]}{path.suffix}"
    if item.fingerprint.foreign or path.suffix.lower() not in formats.DIRECT_SUFFIXES:
        name += ".jpg"
    if f"{parent}/{name.casefold()}" in taken:
        name = f"{len(taken)}-{name}"
    taken.add(f"{parent}/{name.casefold()}")
    return name


def _write_photo(item: Placed, path: Path, link: bool) -> None:
    if item.fingerprint.foreign:
        try:
            path.write_bytes(formats.as_jpeg(item.photo.path))
        except PictureError as error:
            raise DataError(f"{item.photo.path}: {error}") from error
    elif link:
        path.symlink_to(item.photo.path.resolve())
    else:
        shutil.copy2(item.photo.path, path)
