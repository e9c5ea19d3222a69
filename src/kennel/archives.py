"""Unpacking of tar archives that somebody else may have made."""

from __future__ import annotations

import importlib
import tarfile
from pathlib import Path
from typing import Any

# Python has extraction filters since 3.11.4 (PEP 706), and Debian 12 has 3.11.2: there, of the backport.
_tarfile: Any = tarfile if hasattr(tarfile, "data_filter") else importlib.import_module("backports.tarfile")


class ArchiveError(OSError):
    """A file is no complete archive, or holds what may not be unpacked."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive, compressed or not, by the rules of Python's filter ``data``.

    Raises
    ------
    ArchiveError
        It cannot be read or written, or a member is a device, or a path or link that leads out of ``target``.
    """
    try:
        with _tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    except (_tarfile.TarError, EOFError, OSError) as error:
        raise ArchiveError(f"{archive.name} is not a readable archive: {error}") from error
