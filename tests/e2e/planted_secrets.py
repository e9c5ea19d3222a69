"""Searches files, and what is packed in them, for secrets that must be nowhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from kennel.packaging import vendor

PLANTED = {
    "KENNEL_PLANTED_TOKEN": "planted-5b0f6d0e8c2a4f3d",  # stands for whatever else a shell holds
}
LARGEST = 300_000_000  # bytes: what is larger when unpacked is refused, so that nothing is passed over


def plant() -> None:
    """Put the planted secrets into the environment that the stack's programs inherit."""
    os.environ.update(PLANTED)


def files(folder: Path, *, without: Iterable[Path] = ()) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder with their contents; not those in or at the paths ``without``."""
    left_out = tuple(without)
    for path in sorted(folder.rglob("*")):
        kept = any(path == out or out in path.parents for out in left_out)
        if not kept and path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()


def holders(contents: Iterable[tuple[str, bytes]], secrets: dict[str, str]) -> list[str]:
    """Return which contents hold which secret, plain or in base64, also packed.

    The wheel that releases bring is left out: it is the published one, by its pinned hash.
    """
    forms = {
        name: {secret.encode(), base64.b64encode(secret.encode()).rstrip(b"=")[:-1]}
        for name, secret in secrets.items()
    }
    seen = {bytes.fromhex(wheel["sha256"]) for wheel in vendor.pinned()}
    return [
        f"{place} holds {name}"
        for whole, content in contents
        for place, part in unpacked(whole, content, seen)
        for name, texts in forms.items()
        if any(text in part for text in texts)
    ]


def unpacked(name: str, content: bytes, seen: set[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield a content, and what is in it if it is an archive or compressed, at any depth.

    What was ``seen`` before is left out: every job has the same photos, weights and code.
    """
    assert len(content) < LARGEST, f"{name} is too large to be searched"
    digest = hashlib.sha256(content).digest()
    if digest in seen:
        return
    seen.add(digest)
    yield name, content
    if content[:2] == b"\x1f\x8b":
        try:
            yield from unpacked(f"{name}!", gzip.decompress(content), seen)
        except (OSError, EOFError, zlib.error):  # only begins like one
            return
    elif content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from unpacked(f"{name}!{member}", archive.read(member), seen)
    elif content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for entry in archive.getmembers():
                if entry.isfile():
                    yield from unpacked(f"{name}!{entry.name}", archive.extractfile(entry).read(), seen)
