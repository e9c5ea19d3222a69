"""A service's folder for temporary files: short, and removed with the service even if that was killed."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

# Not $TMPDIR: sockets are created there, whose paths may have 104 characters at most (108 on Linux), and the
# SDK's scripts do not quote paths.
PARENT = Path("/tmp")  # noqa: S108 - mkdtemp makes a folder of an unpredictable name, for this user only
PREFIX = "kennel-"
RECORD = "temporary-folder"  # in the service's folder: the path


def make(directory: Path) -> Path:
    """Make the temporary folder of a service, after removing what an earlier one left.

    Parameters
    ----------
    directory
        The service's folder.
    """
    remove(directory)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=PARENT))
    (directory / RECORD).write_text(str(path))
    return path


def remove(directory: Path) -> None:
    """Remove a service's temporary folder with everything in it; nothing happens if there is none."""
    record = directory / RECORD
    with contextlib.suppress(OSError):
        path = Path(record.read_text())
        if path.parent == PARENT and path.name.startswith(PREFIX):
            shutil.rmtree(path, ignore_errors=True)
        record.unlink()
