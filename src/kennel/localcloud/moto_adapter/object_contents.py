"""The contents of S3 objects and of uploaded parts, in files: moto itself keeps them in memory.

Small contents share files: to create one for each would take a fifth of the time of a small upload.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

CHUNK = 1024 * 1024  # bytes read at once
SMALL = 128 * 1024  # bytes; a larger content has a file of its own
SHARED = 512 * 1024  # bytes of small contents in one file at most
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class ContentFolder:
    """The folder of a cloud's content files.

    What was written to a file never changes. When no object refers to it any more it is only listed as
    unused: the last snapshot on disk may still refer to it, so whoever writes snapshots removes it.

    Parameters
    ----------
    path
        The folder; only its owner may enter it.

    Attributes
    ----------
    missing : list of str
        The files that a snapshot refers to and that do not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.missing: list[str] = []
        self._unused: deque[str] = deque()
        self._restored: set[str] = set()
        self._contents: WeakValueDictionary[str, Content] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._shared: _OpenFile | None = None

    def write(self, content: bytes) -> Segment:
        """Write a content to a file of its own, or behind others.

        Raises
        ------
        OSError
            There is no space, or the folder cannot be written; nothing is left behind.
        """
        if len(content) > SMALL:
            with closing(self._new_file()) as file:
                return file.append(content)
        with self._lock:
            shared = self._shared
            if shared is None or shared.length + len(content) > SHARED:
                self._end_shared()
                shared = self._shared = self._new_file()
            try:
                return shared.append(content)
            except OSError:
                self._end_shared()
                raise

    def file(self, name: str) -> Path:
        """Return the path of a content."""
        return self.path / name[:2] / name

    def restore(self, name: str) -> Content:
        """Return a content that a snapshot refers to; without its file, it is listed as missing."""
        if name not in self._restored and not self.file(name).exists():
            self.missing.append(name)
        self._restored.add(name)
        return self._content(name)

    def unused(self) -> list[str]:
        """Return what became unused since the last call."""
        return [self._unused.popleft() for _ in range(len(self._unused))]

    def not_unused(self, names: list[str]) -> None:
        """List files as unused again, which could not be removed yet."""
        self._unused.extend(names)

    def discard(self, name: str) -> None:
        """List a file as unused."""
        self._unused.append(name)

    def remove(self, names: list[str]) -> None:
        """Remove files."""
        for name in names:
            self.file(name).unlink(missing_ok=True)

    def remove_unknown(self) -> None:
        """Remove every file that was not restored: written after the last snapshot, before a crash."""
        for folder in self.path.iterdir():
            for path in folder.iterdir():
                if path.name not in self._restored:
                    path.unlink()
        self._restored.clear()

    def _content(self, name: str) -> Content:
        """Return the one object of a file: the file becomes unused with it."""
        content = self._contents.get(name)
        if content is None:
            content = self._contents[name] = Content(self, name)
        return content

    def _new_file(self) -> _OpenFile:
        name = uuid.uuid4().hex
        path = self.file(name)
        try:
            descriptor = os.open(path, CREATE, 0o600)
        except FileNotFoundError:  # the first of its subfolder
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, CREATE, 0o600)
        return _OpenFile(self._content(name), descriptor)

    def _end_shared(self) -> None:
        if self._shared:
            self._shared.close()
        self._shared = None


class _OpenFile:
    """A content file to which contents are appended."""

    def __init__(self, content: Content, descriptor: int) -> None:
        self._content, self._descriptor = content, descriptor
        self.length = 0

    def append(self, content: bytes) -> Segment:
        """Write a content behind the others; one that fails leaves nothing."""
        rest, offset = memoryview(content), self.length
        position = offset
        try:
            while rest:
                written = os.pwrite(self._descriptor, rest, position)
                rest, position = rest[written:], position + written
        except OSError as error:
            os.ftruncate(self._descriptor, offset)
            error.filename = error.filename or str(self._content.path)
            raise
        self.length = position
        return Segment(self._content, offset, len(content))

    def close(self) -> None:
        """End the file; an empty one is removed."""
        os.close(self._descriptor)
        if not self.length:
            self._content.path.unlink(missing_ok=True)


_current: list[ContentFolder] = []


def use_folder(path: Path) -> ContentFolder:
    """Keep contents in a folder from now on."""
    _current[:] = [ContentFolder(path)]
    return _current[0]


def _folder() -> ContentFolder:
    if not _current:
        raise RuntimeError("no folder for the contents of objects was chosen: call use_folder first")
    return _current[0]


def _restore(name: str) -> Content:
    return _folder().restore(name)


class Content:
    """One content file, shared by all that refer to it."""

    __slots__ = ("__weakref__", "_folder", "name")

    def __init__(self, folder: ContentFolder, name: str) -> None:
        self._folder, self.name = folder, name

    @property
    def path(self) -> Path:
        """The file."""
        return self._folder.file(self.name)

    def __del__(self) -> None:
        self._folder.discard(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.name,)


class Segment(NamedTuple):
    """A part of a content file; offset and length in bytes."""

    content: Content
    offset: int
    length: int


class StoredView:
    """A value in content files, read when it is needed; a slice of it is another view.

    Copies of an object, and an object that was uploaded in parts, share the files of what they are made of.
    """

    def __init__(self, segments: tuple[Segment, ...] = ()) -> None:
        self.segments = segments
        self._length = sum(segment.length for segment in segments)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> StoredView:
        start, stop, _ = part.indices(self._length)
        segments, position = [], 0
        for segment in self.segments:
            first, last = max(start - position, 0), min(stop - position, segment.length)
            if first < last:
                segments.append(Segment(segment.content, segment.offset + first, last - first))
            position += segment.length
        return StoredView(tuple(segments))

    def __bytes__(self) -> bytes:
        if len(self.segments) == 1:
            return _read(self.segments[0])
        return b"".join(_read(segment) for segment in self.segments)

    def chunks(self) -> Iterator[bytes]:
        """Yield the value in pieces of `CHUNK` bytes at most."""
        for start in range(0, self._length, CHUNK):
            yield bytes(self[start : start + CHUNK])

    @staticmethod
    def of(content: bytes) -> StoredView:
        """Write a value to a file; an empty one needs none."""
        if not content:
            return StoredView()
        return StoredView((_folder().write(content),))

    @staticmethod
    def joined(views: list[StoredView]) -> StoredView:
        """Return one value after the other as one."""
        return StoredView(tuple(segment for view in views for segment in view.segments))


def _read(segment: Segment) -> bytes:
    with segment.content.path.open("rb", buffering=0) as file:
        file.seek(segment.offset)
        content = file.read(segment.length)
        while len(content) < segment.length:  # a single read returns 2 GiB at most
            more = file.read(segment.length - len(content))
            if not more:
                raise OSError(
                    f"{segment.content.path} is shorter than {segment.offset + segment.length} bytes"
                )
            content += more
    return content


class ValueBuffer:
    """What moto takes for an object's temporary file: a value in content files.

    Parameters
    ----------
    size
        What moto gives `SpooledTemporaryFile`; nothing is kept in memory here.
    """

    def __init__(self, size: int = 0) -> None:
        self.view = StoredView()
        self._position = 0

    def seek(self, position: int) -> int:
        """Move to a position from the beginning."""
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        """Read from the position on."""
        end = len(self.view) if size < 0 else self._position + size
        content = bytes(self.view[self._position : end])
        self._position += len(content)
        return content

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_buffer, (self.view.segments,)


def _restore_buffer(segments: tuple[Segment, ...]) -> ValueBuffer:
    buffer = ValueBuffer()
    buffer.view = StoredView(segments)
    return buffer
