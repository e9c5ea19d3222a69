"""Which photo goes to which split: stratified by class, seeded, and the same photos always together."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kennel.classifier.data import DataError

HELD_OUT = ("valid", "test")


@dataclass(frozen=True)
class Shares:
    """The shares of a class's photos that are held out, each between 0 and 1; the others are trained on.

    Raises
    ------
    DataError
        A share is not between 0 and 1, or nothing would be left.
    """

    valid: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        for name in HELD_OUT:
            if not 0 < getattr(self, name) < 1:
                raise DataError(
                    f"--{name} {getattr(self, name)} is no share: give one between 0 and 1, such as 0.1"
                )
        if self.valid + self.test >= 1:
            raise DataError(
                f"--valid {self.valid} and --test {self.test} leave nothing to train on: together at most 0.9"
            )


@dataclass(frozen=True)
class Labelled:
    """What the assignment needs of one photo.

    Parameters
    ----------
    label
        Its class.
    group
        Photos of one group are the same or nearly so; they go to one split.
    digest
        SHA-256 of the file: the order in which photos are taken depends on it and on the seed, not on names.
    split
        The split that it must stay in; None to have one chosen.
    """

    label: str
    group: int
    digest: str
    split: str | None = None


def assign(
    photos: Sequence[Labelled], shares: Shares, seed: int = 0, missing: Sequence[str] = HELD_OUT
) -> list[str]:
    """Return the split of each photo.

    Each class gives each split its share, at least one photo where it has enough; a class with two photos
    gives one to train on, and the other to ``valid`` or ``test`` in turn. A group of several classes, or one
    with a photo that must stay where it is, is trained on.

    Parameters
    ----------
    missing
        The splits to fill; the others get no photo but those that must stay there.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for position, photo in enumerate(photos):
        members[photo.group].append(position)
    free: dict[str, list[list[int]]] = defaultdict(list)
    for group in members.values():
        labels = {photos[position].label for position in group}
        if len(labels) == 1 and all(photos[position].split is None for position in group):
            free[labels.pop()].append(group)
    splits = [photo.split or "train" for photo in photos]
    turn = 0
    for label in sorted(free):
        groups = sorted(free[label], key=lambda group: _order(photos, group, seed))
        total = sum(len(group) for group in groups)
        quotas = {split: max(1, round(total * getattr(shares, split))) for split in missing}
        if len(groups) == 2 == len(missing):  # one photo for both
            quotas = {missing[turn % 2]: 1}
            turn += 1
        for filled, (split, quota) in enumerate(quotas.items()):
            for group in _take(groups, quota, leave=len(quotas) - filled):
                for position in group:
                    splits[position] = split
    return splits


def _order(photos: Sequence[Labelled], group: list[int], seed: int) -> str:
    """Return a key that puts groups into a random order, which depends on the seed and the photos alone."""
    first = min(photos[position].digest for position in group)
    return hashlib.sha256(f"{seed}/{first}".encode()).hexdigest()


def _take(groups: list[list[int]], quota: int, leave: int) -> list[list[int]]:
    """Remove groups of ``quota`` photos together, fewer if they do not fit; ``leave`` groups remain.

    The largest is trained on. If none fits, the smallest is taken: a split without the class would be worse
    than a large one.
    """
    kept = max(groups, key=len, default=None)
    taken: list[list[int]] = []
    for group in [group for group in groups if group is not kept]:
        if len(group) <= quota and len(groups) - len(taken) > leave:
            taken.append(group)
            quota -= len(group)
    if not taken and len(groups) > leave:
        taken = [min((group for group in groups if group is not kept), key=len)]
    groups[:] = [group for group in groups if group not in taken]
    return taken


def refuse_empty(splits: Sequence[str]) -> None:
    """Raise an error if a split has no photo.

    Raises
    ------
    DataError
        There are too few photos.
    """
    counts = Counter(splits)
    for split in ("train", *HELD_OUT):
        if not counts[split]:
            raise DataError(
                f"{len(splits)} photos are too few for three splits: {split} has none; "
                "add photos, at least three different ones to each class"
            )
