"""What the operating system refused, in one line: which path, at which step, what to do about it."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path

from kennel.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
AGAIN = "then run the same command again"


def explain(error: OSError, step: str = "") -> str:
    """Return the line for an error of the operating system.

    Parameters
    ----------
    step
        What was being done; empty if that is known already.
    """
    during = f" ({step})" if step else ""
    reason = error.strerror or str(error)
    if error.errno in FULL:
        folder, free = _fullest(error.filename)
        return (
            f"the disk of {folder} is full{during}: {free / 1e6:.0f} MB are free; "
            f"free some (du -sh build/* shows what the project takes), {AGAIN}"
        )
    if error.errno in REFUSED and error.filename:
        return (
            f"{error.filename} may not be written or read{during}: "
            "choose another folder, or change its owner or rights"
        )
    if error.filename:
        return f"{error.filename}: {reason}{during}; correct the path, {AGAIN}"
    return f"the system refused{during}: {error}; correct the cause, {AGAIN}"


def must_be_changed_first(error: BaseException) -> bool:
    """Return whether an error is a full disk or a path that may not be used, not a fault of the work."""
    return isinstance(error, OSError) and error.errno in (*FULL, *REFUSED, errno.ENOTDIR)


def require_space(folder: Path, needed: int, step: str) -> None:
    """Refuse to begin what the disk of a folder cannot hold.

    Parameters
    ----------
    folder
        Where files will be written; it need not exist.
    needed
        Bytes.
    step
        What would be done.

    Raises
    ------
    UsageError
        Too few bytes are free; the text says how many are missing.
    """
    free = shutil.disk_usage(_existing(folder)).free
    if free < needed:
        raise UsageError(
            f"{step} needs {needed / 1e6:.0f} MB at {folder}, where {free / 1e6:.0f} MB are free: "
            f"free {(needed - free) / 1e6:.0f} MB more (du -sh build/* shows what the project takes), {AGAIN}"
        )


def _fullest(name: str | bytes | int | None) -> tuple[Path, int]:
    """Return the folder whose disk has the least free bytes, and these; the error's own path comes first."""
    folders = [Path(name)] if isinstance(name, str) else [ROOT, Path(tempfile.gettempdir()), Path.cwd()]
    existing = [_existing(folder) for folder in folders]
    return min(((folder, shutil.disk_usage(folder).free) for folder in existing), key=lambda pair: pair[1])


def _existing(path: Path) -> Path:
    absolute = path.expanduser().absolute()
    return next(folder for folder in (absolute, *absolute.parents) if folder.exists())
