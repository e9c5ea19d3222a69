"""What a command prints: whole in a file, shortened in the response, as Systems Manager's agent keeps it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

CUT = "--output truncated--"


class CapturedOutput:
    """One of a command's two streams.

    Parameters
    ----------
    path : Path
        The file that gets the whole output.
    limit : int
        How many characters `text` has at most.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._file, self._limit, self._kept = path.open("w", encoding="utf-8"), limit, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def receive(self, line: str) -> None:
        """Take a line."""
        self._file.write(f"{line}\n")
        if len(self._kept) <= self._limit:
            self._kept += f"{line}\n"

    def text(self) -> str:
        """Return the output as the response shows it."""
        return cut(self._kept, self._limit)


def cut(text: str, limit: int) -> str:
    """Return a text as the agent shortens it."""
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT


@contextlib.contextmanager
def named_pipe(path: Path) -> Iterator[IO[bytes]]:
    """Create a named pipe and yield its reading end, which ends when the context and all writers have."""
    os.mkfifo(path, 0o600)
    # Both ends are opened here, so that neither opening the pipe nor reading it waits for a writer.
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(path, os.O_WRONLY)
    try:
        yield os.fdopen(reading, "rb")
    finally:
        os.close(writing)
        path.unlink()
