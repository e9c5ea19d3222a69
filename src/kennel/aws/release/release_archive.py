"""A release's archive: unpacked without harm, packed to the same bytes each time, and named by its digest."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from kennel import archives
from kennel.aws import StackError
from kennel.aws.release import golden
from kennel.packaging.build import SIGN_OFF

# The release's own description in its archive. It holds the digest, so it is not part of it.
RECORD = "release.json"
# Golden logits and sign-off follow from the other files, and their last digits differ from CPU to CPU.
_NOT_IN_DIGEST = {RECORD, SIGN_OFF, f"{golden.FOLDER}/{golden.LOGITS}"}
# Far more than an image classifier needs; SageMaker itself accepts larger ones.
_MAXIMUM_MODEL_BYTES = 4 * 1024**3


def unpack(archive: Path, target: Path) -> Path:
    """Unpack a model archive; links, devices and paths that lead out of ``target`` are refused."""
    try:
        with tarfile.open(archive) as tar:
            if sum(member.size for member in tar) > _MAXIMUM_MODEL_BYTES:
                raise StackError(
                    f"{archive.name} unpacks to more than {_MAXIMUM_MODEL_BYTES >> 30} GiB: not a classifier"
                )
        archives.unpack(archive, target)
    except archives.ArchiveError as error:
        raise StackError(str(error)) from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StackError(f"{archive.name} is not a readable archive: {error}") from error
    return target


def pack(folder: Path) -> bytes:
    """Return ``folder`` as a tar.gz that has the same bytes whenever it has the same content."""
    buffer = io.BytesIO()
    # Stored, not compressed: weights and wheels hardly get smaller.
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=0, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size, entry.mode = path.stat().st_size, 0o644
                with path.open("rb") as source:
                    tar.addfile(entry, source)
    return buffer.getvalue()


def digest_of(folder: Path) -> str:
    """Return the SHA-256 over the names and contents of a folder's files but for record and golden logits."""
    files = {}
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as content:
                files[path.relative_to(folder).as_posix()] = _sha256(content)
    return _digest(files)


def digest_in(stream: IO[bytes]) -> str:
    """Return what `digest_of` does of the files in a tar.gz, which is read once and not stored.

    Raises
    ------
    StackError
        It is not a readable archive.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as tar:
            for member in tar:
                if content := tar.extractfile(member):
                    files[member.name] = _sha256(content)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StackError(f"a release's archive is not readable: {error}") from error
    return _digest(files)


def id_of(digest: str) -> str:
    """Return the id of the release with a digest."""
    return f"r-{digest[:12]}"


def _sha256(stream: IO[bytes]) -> bytes:
    total = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        total.update(chunk)
    return total.digest()


def _digest(files: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in sorted(set(files) - _NOT_IN_DIGEST, key=lambda name: name.split("/")):
        total.update(name.encode() + b"\0")
        total.update(files[name])
    return total.hexdigest()
