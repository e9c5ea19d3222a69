"""Folders: their size, and temporary ones that are found again if the process that made them was killed.

A process holds a lock on each of its temporary folders, which ends with it however it ends: a folder without
a holder was left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

SHORT = Path("/tmp")  # noqa: S108 - private folders are made in it; the system's choice may be a long path
PREFIX = "kennel-run-"
WORKLOAD_PACKAGES = "environments"  # in a local cloud's folder: what jobs and models required
YOUNG_SECONDS = 60.0  # a folder is locked a moment after it was made


class HeldFolder:
    """A new temporary folder, held until `remove`; a context manager of its path.

    Parameters
    ----------
    parent
        Where it is made; by default the system's temporary folder.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._descriptor = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove it with everything in it; nothing happens the second time."""
        if self._descriptor >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.remove()


def abandoned(*parents: Path) -> list[Path]:
    """Return this user's temporary folders that ended processes left behind.

    Parameters
    ----------
    parents
        Where they may be; by default the system's temporary folder and `SHORT`.
    """
    places = {path.resolve() for path in parents or (Path(tempfile.gettempdir()), SHORT)}
    return sorted(path for place in places for path in place.glob(f"{PREFIX}*") if _is_abandoned(path))


def _is_abandoned(path: Path) -> bool:
    try:
        status = path.lstat()
        if status.st_uid != os.getuid() or time.time() - status.st_ctime < YOUNG_SECONDS:
            return False
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # it has gone since, or is no folder
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def size(path: Path) -> int:
    """Return the bytes of a file, or of the files in a folder.

    A link takes none, and a file with several names counts once.
    """
    files = {}
    for entry in (path, *path.rglob("*")) if path.is_dir() and not path.is_symlink() else (path,):
        try:
            status = entry.lstat()
        except FileNotFoundError:  # it has gone since
            continue
        if stat.S_ISREG(status.st_mode):
            files[status.st_dev, status.st_ino] = status.st_size
    return sum(files.values())
