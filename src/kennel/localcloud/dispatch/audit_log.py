"""The audit log: who called what on which resource, and whether it was allowed, one JSON object a line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One authorisation check and the status of the answer it belongs to.

    ``decision`` is ``allow``, ``deny``, or ``unrestricted`` (the operator, whom no identity policy binds).
    """

    time: str
    principal: str
    action: str
    resource: str
    decision: str
    reason: str
    status: int


class AuditLog:
    """An append-only file of entries; safe to write from many threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def record(self, *entries: Entry) -> None:
        """Append entries; they are on disk when this returns."""
        lines = "".join(json.dumps(asdict(entry), separators=(",", ":")) + "\n" for entry in entries)
        with self._lock:
            if not self._file.closed:
                self._file.write(lines)
                self._file.flush()

    def entries(self) -> Iterator[Entry]:
        """Every entry so far, oldest first."""
        return read(self.path)

    def close(self) -> None:
        with self._lock:
            self._file.close()


def read(path: Path) -> Iterator[Entry]:
    """Read an audit log, skipping a last line that is still being written.

    Parameters
    ----------
    path
        The file; a missing one reads as empty.
    """
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            fields: dict[str, Any] = json.loads(line)
            yield Entry(**fields)
