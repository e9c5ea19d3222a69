"""The splits of the photos of a source: those that can be read, each in one split, none of them leaking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kennel.classifier.data import DataError, assignment, fingerprints, formats
from kennel.classifier.data.assignment import Labelled, Shares
from kennel.classifier.data.fingerprints import Fingerprint
from kennel.classifier.data.sources import SPLITS, Photo, Source


@dataclass(frozen=True)
class Placed:
    """A photo with its name, which is its path in the source, its fingerprint and its split."""

    name: str
    photo: Photo
    fingerprint: Fingerprint
    split: str


@dataclass(frozen=True)
class Placement:
    """What becomes of the photos of a source.

    Parameters
    ----------
    placed
        The photos to use.
    together
        Groups of photos that are the same or nearly so.
    left_out
        Copies of photos of a split that is held out.
    unreadable
        Lines on photos that cannot be read.
    """

    placed: list[Placed]
    together: list[list[str]]
    left_out: list[str]
    unreadable: list[str]


def place(source: Source, examined: Sequence[Fingerprint], shares: Shares, seed: int) -> Placement:
    """Choose the split of every photo that can be read.

    Parameters
    ----------
    examined
        The fingerprints of the source's photos, in order.

    Raises
    ------
    DataError
        There are too few photos, none of a class can be read, or a plug-in is missing.
    """
    named = [
        (source.name(photo), photo, fingerprint)
        for photo, fingerprint in zip(source.photos, examined, strict=True)
    ]
    unreadable = [f"{name}: {fingerprint.fault}" for name, _, fingerprint in named if fingerprint.fault]
    readable = [item for item in named if not item[2].fault]
    if heif := [name for name, _, fingerprint in named if fingerprint.fault == formats.HEIF_NEEDS]:
        raise DataError(f"{source.root}: {len(heif)} photos, such as {heif[0]}: {formats.HEIF_NEEDS}")
    _refuse_lost_classes(source, {photo.label for _, photo, _ in readable}, unreadable)
    groups = fingerprints.groups([fingerprint for *_, fingerprint in readable])
    missing = [split for split in assignment.HELD_OUT if split not in source.splits]
    labelled = [
        Labelled(photo.label, group, seen.digest, None if missing and photo.split == "train" else photo.split)
        for (_, photo, seen), group in zip(readable, groups, strict=True)
    ]
    splits = assignment.assign(labelled, shares, seed, missing)
    placed = [Placed(*item, split) for item, split in zip(readable, splits, strict=True)]
    kept = _without_copies(placed)
    assignment.refuse_empty([item.split for item in kept])
    together: dict[int, list[str]] = defaultdict(list)
    for (name, *_), group in zip(readable, groups, strict=True):
        together[group].append(name)
    return Placement(
        placed=kept,
        together=[group for group in together.values() if len(group) > 1],
        left_out=sorted({item.name for item in placed} - {item.name for item in kept}),
        unreadable=unreadable,
    )


def _refuse_lost_classes(source: Source, readable: set[str], unreadable: list[str]) -> None:
    for label in source.classes:
        if label not in readable:
            first = next(line for line in unreadable if f"{label}/" in line)
            raise DataError(f"{source.root}: no photo of the class {label} can be read: {first}")


def _without_copies(placed: list[Placed]) -> list[Placed]:
    """Leave out photos of which the test split, else the validation split, has a copy."""
    held = {split: {item.fingerprint.digest for item in placed if item.split == split} for split in SPLITS}
    precious = {"train": held["valid"] | held["test"], "valid": held["test"], "test": set()}
    return [item for item in placed if item.fingerprint.digest not in precious[item.split]]
