"""What a photo is: its digest, and a difference hash by which another encoding of it is found."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from kennel.classifier.data import formats
from kennel.pictures import PictureError

# Of 128 bits. Scaling a photo to half, JPEG quality 30, a third more contrast and the loss of colour change 8
# at most (40 photos). Of the 720,000 pairs of 1,200 photos, series of one shelf among them, none is closer
# than 13.
NEAR_BITS = 8
_SIDE = 64  # pixels that are decoded
_CELLS = 8  # brightness is compared between 8 x 8 neighbours, in each of the two directions
_FLAT = 4  # levels of grey; a picture of less contrast is a plain surface, and its bits are noise
_BLOCK = 1024

Progress = Callable[[str], None] | None


@dataclass(frozen=True)
class Fingerprint:
    """One photo file.

    Parameters
    ----------
    digest
        SHA-256 of the file.
    fault
        Why it cannot be read; None if it can.
    foreign
        Whether it must be converted for a training.
    bits
        The difference hash: 128 values of bool; None for what cannot be read or shows a plain surface.
    """

    digest: str
    fault: str | None
    foreign: bool
    bits: np.ndarray | None


def examine(path: Path) -> Fingerprint:
    """Read a photo and return its fingerprint; a photo that cannot be read has a fault."""
    digest = ""
    try:
        digest = file_digest(path)
        pixels, foreign = formats.read(path, _SIDE)
    except PictureError as error:
        return Fingerprint(digest, str(error), False, None)
    except OSError as error:
        return Fingerprint(digest, error.strerror or str(error), False, None)
    return Fingerprint(digest, None, foreign, difference_hash(pixels))


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def examine_all(paths: Sequence[Path], progress: Progress = None) -> list[Fingerprint]:
    """Return the fingerprints of photos, in order."""
    results = []
    with ThreadPoolExecutor() as pool:
        for done, fingerprint in enumerate(pool.map(examine, paths), 1):
            results.append(fingerprint)
            if progress and (done % 500 == 0 or done == len(paths)):
                progress(f"{done} of {len(paths)} photos checked")
    return results


def difference_hash(pixels: np.ndarray) -> np.ndarray | None:
    """Return 128 bits, each saying whether a part of a picture is brighter than its neighbour.

    They hardly change with size, compression, brightness and contrast.

    Parameters
    ----------
    pixels
        uint8, shape (height, width, 3), RGB.
    """
    grey = Image.fromarray(pixels).convert("L")
    if np.ptp(np.asarray(grey.resize((_CELLS, _CELLS), Image.Resampling.BOX))) < _FLAT:
        return None
    across = np.asarray(grey.resize((_CELLS + 1, _CELLS), Image.Resampling.BOX), np.int16)
    down = np.asarray(grey.resize((_CELLS, _CELLS + 1), Image.Resampling.BOX), np.int16)
    return np.concatenate([(np.diff(across, axis=1) > 0).ravel(), (np.diff(down, axis=0) > 0).ravel()])


def near_pairs(hashes: Sequence[np.ndarray | None]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of positions whose hashes differ in at most `NEAR_BITS` bits."""
    known = [position for position, bits in enumerate(hashes) if bits is not None]
    if not known:
        return
    signs = np.array([hashes[position] for position in known], np.float32) * 2 - 1
    least = (
        signs.shape[1] - 2 * NEAR_BITS
    )  # the product of two rows is the number of equal bits less the others
    for start in range(0, len(known), _BLOCK):
        products = signs[start : start + _BLOCK] @ signs[start:].T
        for row, column in np.argwhere(products >= least):
            if column > row:
                yield known[start + row], known[start + column]


def copies(digests: Sequence[str]) -> list[list[int]]:
    """Return the positions of files with equal bytes: groups of two or more."""
    groups = defaultdict(list)
    for position, digest in enumerate(digests):
        if digest:
            groups[digest].append(position)
    return [group for group in groups.values() if len(group) > 1]


def groups(fingerprints: Sequence[Fingerprint]) -> list[int]:
    """Return for each photo the number of its group: photos that are the same or nearly so have one."""
    parents = list(range(len(fingerprints)))

    def root(position: int) -> int:
        while parents[position] != position:
            parents[position] = position = parents[parents[position]]
        return position

    for group in copies([fingerprint.digest for fingerprint in fingerprints]):
        for position in group[1:]:
            parents[position] = group[0]
    first = [parents[position] == position for position in range(len(parents))]
    hashes = [
        fingerprint.bits if is_first else None
        for fingerprint, is_first in zip(fingerprints, first, strict=True)
    ]
    for position, near in near_pairs(hashes):
        parents[root(near)] = root(position)
    return [root(position) for position in range(len(parents))]
