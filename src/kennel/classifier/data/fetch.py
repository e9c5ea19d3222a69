"""The course's photos: download with resume, verification, and unpacking that cannot leave the folder."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import stat
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from kennel.classifier.data import DataError, sources
from kennel.errors import UsageError

DOG_IMAGES_URL = "https://udacity-aind.s3.us-west-1.amazonaws.com/dog-project/dogImages.zip"
UNPACKED_LIMIT = 8 * 2**30  # bytes; the course's photos take 1.1 GB
ATTEMPTS = 5
TIMEOUT_S = 30
_CHUNK = 1 << 20
_MARKER = ".fetched.json"

Progress = Callable[[str], None] | None


def fetch(
    destination: Path,
    source: str | Path = DOG_IMAGES_URL,
    *,
    sha256: str | None = None,
    progress: Progress = None,
) -> Path:
    """Put a data set at ``destination`` and return its root, the folder that holds the splits or the classes.

    Parameters
    ----------
    destination
        Folder to fill. If an earlier call filled it from the same source, it is returned as it is.
    source
        An https URL of a zip (http only from this machine itself), a local zip, or a local folder, which is
        used in place.
    sha256
        Expected digest of the zip; without it the zip's own checksums are verified.
    progress
        Receives lines of text from time to time.

    Raises
    ------
    OSError
        The disk is full, or a folder cannot be written; it names the file or the destination.
    UsageError
        The disk cannot hold the download; the text says how much is missing.
    DataError
        The source cannot be reached, is damaged or hostile, or holds no labelled photos.
    """
    destination = Path(destination)
    remote = urllib.parse.urlsplit(str(source)).scheme in ("http", "https")
    if not remote and Path(source).is_dir():
        return sources.locate(Path(source))[0]
    marker = destination / _MARKER
    origin = {"source": str(source), "sha256": sha256}
    if marker.is_file() and json.loads(marker.read_text(encoding="utf-8")) == origin:
        return sources.locate(destination)[0]
    if destination.is_dir() and any(destination.iterdir()):
        raise DataError(f"{destination}: already holds something else; remove it or name another folder")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        part = destination.with_name(destination.name + ".zip.part")
        archive = _download(str(source), part, progress) if remote else Path(source)
        _verify(archive, sha256, progress)
        _unpack(archive, destination, origin, progress)
        part.unlink(missing_ok=True)
        part.with_suffix(".json").unlink(missing_ok=True)
    except OSError as error:
        error.filename = error.filename or str(destination)  # a write's error does not name its file
        raise
    return sources.locate(destination)[0]


def _download(url: str, part: Path, progress: Progress) -> Path:
    """Download to ``part``, continuing what an earlier call left if the server still has the same file."""
    _refuse_plain_http(url)
    reason: object = "the connection kept breaking off"
    for _ in range(ATTEMPTS):
        try:
            if _download_once(url, part, progress):
                return part
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise DataError(f"{url}: the server answered {error.code} {error.reason}") from error
            reason = error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            reason = getattr(error, "reason", None) or error
    raise DataError(
        f"{url}: {reason}; run it again to continue, or give a downloaded zip or folder as the source"
    )


def _download_once(url: str, part: Path, progress: Progress) -> bool:
    """Make one request; return whether the file is complete."""
    state_file = part.with_suffix(".json")
    known = (
        json.loads(state_file.read_text(encoding="utf-8")) if state_file.is_file() and part.is_file() else {}
    )
    received = part.stat().st_size if known.get("url") == url else 0
    if received and received == known.get("size"):
        return True
    request = urllib.request.Request(url)  # noqa: S310 (the scheme was checked)
    if received and known.get("etag"):
        request.add_header("Range", f"bytes={received}-")
        request.add_header("If-Range", known["etag"])
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 (likewise)
        _refuse_plain_http(response.url)
        received = received if response.status == 206 else 0
        length = response.headers.get("Content-Length")
        size = received + int(length) if length else None
        _require_space(part.parent, size - received if size else 0, url)
        state_file.write_text(
            json.dumps({"url": url, "etag": response.headers.get("ETag"), "size": size}), encoding="utf-8"
        )
        with part.open("ab" if received else "wb") as file:
            reported = received
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                received += len(chunk)
                if progress and received - reported >= 32 * _CHUNK:
                    reported = received
                    progress(f"{received >> 20} of {size >> 20 if size else '?'} MB downloaded")
    return size is None or received == size


def _require_space(folder: Path, needed: int, url: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UsageError(
            f"{url} has {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free at {folder.absolute()}: "
            f"free {(needed - free) / 1e6:.0f} MB more, or give a --directory on another disk"
        )


def _refuse_plain_http(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise DataError(f"{url}: only https is fetched; give an https address, a zip file or a folder")


def _verify(archive: Path, sha256: str | None, progress: Progress) -> None:
    if not archive.is_file():
        raise DataError(f"{archive}: no such zip or folder")
    if progress:
        progress(f"verifying {archive.stat().st_size >> 20} MB")
    if sha256 is not None:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != sha256.lower():
            _discard(archive)
            raise DataError(
                f"{archive.name}: its SHA-256 is {digest}, not {sha256}; the file is damaged or altered"
            )
    try:
        with zipfile.ZipFile(archive) as zipped:
            broken = zipped.testzip() if sha256 is None else None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        broken = str(error)
    if broken:
        _discard(archive)
        raise DataError(f"{archive.name}: the zip is damaged ({broken}); fetch it again")


def _discard(archive: Path) -> None:
    """Delete a bad download, so that the next call starts again; other files are left alone."""
    if archive.name.endswith(".zip.part"):
        archive.unlink()
        archive.with_suffix(".json").unlink(missing_ok=True)


def _unpack(archive: Path, destination: Path, origin: dict[str, str | None], progress: Progress) -> None:
    """Unpack into another folder and rename it at the end, so that the destination is complete or absent."""
    staging = destination.with_name(destination.name + ".unpacking")
    shutil.rmtree(staging, ignore_errors=True)
    with zipfile.ZipFile(archive) as zipped:
        members = [m for m in zipped.infolist() if not m.is_dir() and _is_unpacked(m)]
        if sum(m.file_size for m in members) > UNPACKED_LIMIT:
            raise DataError(f"{archive.name}: unpacks to more than {UNPACKED_LIMIT >> 30} GB")
        for done, member in enumerate(members, 1):
            target = staging / PurePosixPath(member.filename)
            target.parent.mkdir(parents=True, exist_ok=True)
            # zipfile stops reading at the declared size, so the sum above limits what is written
            with zipped.open(member) as packed, target.open("wb") as file:
                shutil.copyfileobj(packed, file, _CHUNK)
            if progress and done % 1000 == 0:
                progress(f"{done} of {len(members)} files unpacked")
    staging.mkdir(parents=True, exist_ok=True)
    sources.locate(staging)
    (staging / _MARKER).write_text(json.dumps(origin), encoding="utf-8")
    if destination.is_dir():
        destination.rmdir()
    staging.rename(destination)


def _is_unpacked(member: zipfile.ZipInfo) -> bool:
    """Return whether to unpack a member; a link or a path that leads out of the folder is an error."""
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in path.parts[0]:
        raise DataError(f"the zip holds {member.filename!r}, which points outside the folder; refused")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"the zip holds the symbolic link {member.filename!r}; refused")
    return "__MACOSX" not in path.parts and not path.name.startswith(".")
