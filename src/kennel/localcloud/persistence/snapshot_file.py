"""The file of a snapshot: one line of JSON that says what wrote it, then the state.

The state is a pickle, and reading a pickle runs what it says. It is therefore read only from a folder and a
file that this user owns and nobody else may write or read: whoever can change it can run programs as this
user anyway.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from kennel.localcloud import LocalCloudError
from kennel.version import VERSION

FOLDER = "state"  # in the cloud's folder
SNAPSHOT = "snapshot"  # in that
DRAFT = "snapshot.draft"
FORMAT = 3
LONGEST_SECONDS = 60.0  # a process that writes a snapshot for longer hangs; one second is usual
HEADER_BYTES = 8192  # the names of all services fit
RESET = "start afresh with ./kennel local.reset, which deletes it"


@dataclass(frozen=True)
class Header:
    """What wrote a snapshot, and when.

    Attributes
    ----------
    port
        Where the cloud listened.
    not_kept
        The services whose state could not be written.
    """

    format: int
    kennel: str
    moto: str
    python: str
    saved_at: str
    port: int
    not_kept: list[str]


def header(port: int, not_kept: list[str]) -> Header:
    """Return the header of a snapshot that is written now."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Header(FORMAT, VERSION, version("moto"), _python(), now, port, not_kept)


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def folder(directory: Path) -> Path:
    """Return the folder of a cloud's state, which only this user may enter; it is made at the first call.

    Raises
    ------
    LocalCloudError
        It belongs to another user, or others may enter it.
    """
    path = directory / FOLDER
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(path)
    return path


def _check_private(path: Path) -> None:
    status = path.stat()
    if status.st_uid != os.getuid():
        raise LocalCloudError(f"{path} belongs to another user, so it is not read: {RESET}")
    if status.st_mode & 0o077:
        raise LocalCloudError(f"{path} is open to other users, so it is not read: chmod go= it, or {RESET}")


def write_header(file: IO[bytes], content: Header | None = None) -> None:
    """Write the first line of a snapshot at its place; without a header, leave its place free."""
    file.seek(0)
    line = json.dumps(asdict(content)).encode() if content else b""
    file.write(line.ljust(HEADER_BYTES - 1) + b"\n")


def read_header(directory: Path) -> Header | None:
    """Return what wrote the last snapshot of a cloud; None if there is none.

    Raises
    ------
    LocalCloudError
        It is not private to this user, damaged, or of another version of Kennel, moto or Python.
    """
    path = directory / FOLDER / SNAPSHOT
    if not path.exists():
        return None
    with open_state(directory) as (content, _):
        return content


def open_state(directory: Path) -> OpenSnapshot:
    """Open a snapshot behind its header.

    Raises
    ------
    LocalCloudError
        As `read_header`.
    """
    path = folder(directory) / SNAPSHOT
    _check_private(path)
    file = path.open("rb")
    try:
        content = Header(**json.loads(file.readline()))
        if content.format != FORMAT:
            raise ValueError("another format")
    except (ValueError, TypeError) as error:
        file.close()
        raise unreadable(path, error) from error
    differing = [
        f"{name} {theirs}, and this is {ours}"
        for name, theirs, ours in (
            ("Kennel", content.kennel, VERSION),
            ("moto", content.moto, version("moto")),
            ("Python", content.python, _python()),
        )
        if theirs != ours
    ]
    if differing:
        file.close()
        raise LocalCloudError(
            f"what the local cloud of {directory} holds was saved by {'; '.join(differing)}: {RESET}"
        )
    return OpenSnapshot(content, file)


def unreadable(path: Path, error: Exception) -> LocalCloudError:
    """Return the error for a snapshot that cannot be read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return LocalCloudError(f"what the local cloud holds cannot be read from {path} ({reason}): {RESET}")


class OpenSnapshot:
    """A snapshot's header and its file, open behind it; a context manager of both."""

    def __init__(self, content: Header, file: IO[bytes]) -> None:
        self.content, self.file = content, file

    def __enter__(self) -> tuple[Header, IO[bytes]]:
        return self.content, self.file

    def __exit__(self, *_: object) -> None:
        self.file.close()
