"""The guard of the test split: no photo of it may be trained on, or its metrics are untrue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from kennel.classifier.data import DataError, sources
from kennel.classifier.data.fingerprints import file_digest
from kennel.classifier.data.folder import Folder

GUARDED = "test"


def guard(data: Folder, *, allowed: bool) -> str | None:
    """Return a line on photos of the test split that another split has too; None if there are none.

    Raises
    ------
    DataError
        There are some, and they are not allowed.
    """
    pairs = shared({split: [item.path for item in items] for split, items in data.splits.items()})
    if not pairs:
        return None
    photo, copy = (path.relative_to(data.root).as_posix() for path in pairs[0])
    line = message(len(pairs), photo, copy, data.root)
    if not allowed:
        raise DataError(line)
    return line


def message(count: int, photo: str, copy: str, root: Path) -> str:
    """Return what is wrong with a data folder of which ``count`` photos are in ``test/`` and elsewhere."""
    return (
        f"{count} photos of {GUARDED}/ are in another split too, such as {photo} as {copy}: the test's "
        f"metrics would be untrue; make a folder without the copies ({sources.split_command(root)}), or "
        "upload and train with --allow-leakage"
    )


def shared(splits: Mapping[str, Iterable[Path]]) -> list[tuple[Path, Path]]:
    """Return the photos of the test split that another split has too, each with its copy there.

    Only files of equal size are read, so that this takes no time where there are none.
    """
    digest = cache(file_digest)
    held_out = [(path, path.stat().st_size) for path in splits[GUARDED]]
    sizes = {size for _, size in held_out}
    others: dict[int, list[Path]] = defaultdict(list)
    for split, paths in splits.items():
        for path in paths if split != GUARDED else ():
            if (size := path.stat().st_size) in sizes:
                others[size].append(path)
    pairs = []
    for path, size in held_out:
        copy = next((other for other in others[size] if digest(other) == digest(path)), None)
        if copy:
            pairs.append((path, copy))
    return pairs
