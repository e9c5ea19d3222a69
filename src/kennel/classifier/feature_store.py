"""Features on disk: appended as they are computed, memory-mapped when read, usable after any kill."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from kennel.classifier import TrainingError

Name = tuple[str, int]
"""A picture's SHA-256 and the number of the view."""


class FeatureStore:
    """Feature rows by name, shared by the runs and hosts that use one folder.

    Each writer has its own pair of files: ``KEY-WRITER.f32``, rows of float32, and ``KEY-WRITER.names``, one
    line for each row. Rows are written before their names, so after a kill or an incomplete upload the rows
    that are complete in both files are valid. Every reader reads all pairs.

    Parameters
    ----------
    folder
        Folder of the files; None for a temporary folder that `close` removes.
    key
        What the rows depend on besides the picture (see `kennel.classifier.features.key`).
    writer
        Name of this writer, unique among those that write at the same time.
    width
        Numbers in a row.
    other
        A second folder, which is only read: features that another run has computed.
    """

    def __init__(
        self, folder: Path | None, key: str, writer: str, width: int, other: Path | None = None
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="features-") if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary else Path(folder or ".")
        self.width = width
        self._places: dict[Name, tuple[Path, int]] = {}
        self._files: tuple[IO[bytes], IO[bytes]] | None = None
        self._own = self.folder / f"{key}-{writer}.f32"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for readable in (self.folder, other):
                for table in sorted(readable.glob(f"{key}-*.f32")) if readable else ():
                    self._index(table)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __contains__(self, name: Name) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def append(self, names: Sequence[Name], rows: np.ndarray) -> None:
        """Keep rows (N, width) float32.

        Raises
        ------
        TrainingError
            The disk is full.
        """
        try:
            table, lines = self._files or self._open()
            start = table.tell() // (4 * self.width)
            table.write(np.ascontiguousarray(rows, np.float32).tobytes())
            table.flush()
            lines.write("".join(f"{digest} {number}\n" for digest, number in names).encode())
            lines.flush()
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        self._places.update({name: (self._own, start + i) for i, name in enumerate(names)})

    def rows(self, names: Sequence[Name]) -> np.ndarray:
        """Return the rows (N, width) of names that are all in the store; only these are read from disk."""
        values = np.empty((len(names), self.width), np.float32)
        by_table: dict[Path, list[int]] = {}
        for i, name in enumerate(names):
            by_table.setdefault(self._places[name][0], []).append(i)
        for table, indices in by_table.items():
            count = table.stat().st_size // (4 * self.width)
            mapped = np.memmap(table, np.float32, "r", shape=(count, self.width))
            values[indices] = mapped[[self._places[names[i]][1] for i in indices]]
        return values

    def close(self) -> None:
        """Close the files; remove the folder if it was a temporary one."""
        for file in self._files or ():
            file.close()
        self._files = None
        if self._temporary:
            self._temporary.cleanup()

    def _index(self, table: Path) -> None:
        lines = table.with_suffix(".names")
        if not lines.is_file():
            return
        complete = lines.read_bytes().rpartition(b"\n")[0].decode().splitlines()
        for row, line in enumerate(complete[: table.stat().st_size // (4 * self.width)]):
            digest, number = line.split()
            self._places.setdefault((digest, int(number)), (table, row))

    def _open(self) -> tuple[IO[bytes], IO[bytes]]:
        """Open this writer's pair for appending, truncated to the rows that are complete in both files."""
        names = self._own.with_suffix(".names")
        complete = names.read_bytes().rpartition(b"\n")[0].splitlines() if names.is_file() else []
        count = min(len(complete), self._own.stat().st_size // (4 * self.width) if self._own.is_file() else 0)
        table, lines = self._own.open("ab"), names.open("ab")
        table.truncate(count * 4 * self.width)
        lines.truncate(sum(len(line) + 1 for line in complete[:count]))
        table.seek(0, 2)
        lines.seek(0, 2)
        self._files = (table, lines)
        return self._files


def _unwritable(folder: Path, error: OSError) -> TrainingError:
    remedy = "; free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return TrainingError(f"{folder}: features cannot be kept: {error.strerror or error}{remedy}")
