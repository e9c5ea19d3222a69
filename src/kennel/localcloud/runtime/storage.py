"""Between S3 and a workload's folder, over HTTP and with the workload's own role."""

from __future__ import annotations

import contextlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

FileState = tuple[int, int]  # when it was written last, in nanoseconds, and its size in bytes

PARALLEL = 8
COPY_SIZE = 1024 * 1024


class StorageError(Exception):
    """An S3 address, or an object there, cannot be used; the text names it."""


def split(uri: str) -> tuple[str, str]:
    """Return the bucket and key of an `s3://` address.

    Raises
    ------
    StorageError
        It is not one.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise StorageError(f"{uri} is not an s3:// address")
    return bucket, key


def list_objects(s3: Any, uri: str) -> list[tuple[str, str]]:
    """Return the objects below an address: their keys, and their paths relative to it.

    As SageMaker does, any key that begins with the address counts, and an object of exactly that name too.
    """
    bucket, prefix = split(uri)
    objects = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            key = entry["Key"]
            if not key.endswith("/"):
                objects.append((key, key[len(prefix) :].lstrip("/") or key.rpartition("/")[2]))
    return objects


def download(s3: Any, uri: str, folder: Path, share: tuple[int, int] = (0, 1)) -> int:
    """Download everything below an address.

    Parameters
    ----------
    s3
        The client, which signs as the workload's role.
    uri, folder
        From where, to where.
    share
        (i, n): every n-th object beginning with the i-th, for data that is sharded over hosts.

    Returns
    -------
    int
        How many objects there are, of which this host may have taken a share.

    Raises
    ------
    StorageError
        A key leads out of the folder.
    ClientError
        As S3 answered: no such bucket, or not allowed.
    """
    objects = list_objects(s3, uri)
    _fetch_all(s3, split(uri)[0], objects[share[0] :: share[1]], folder)
    return len(objects)


def download_file(s3: Any, uri: str, target: Path) -> None:
    """Download one object to a file."""
    bucket, key = split(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], file, COPY_SIZE)


def download_manifest(s3: Any, uri: str, folder: Path, share: tuple[int, int] = (0, 1)) -> int:
    """Download what a manifest file lists: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html."""
    bucket, key = split(uri)
    try:
        first, *names = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
        source, prefix = split(first["prefix"])
        objects = [(prefix + name, name) for name in names]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StorageError(
            f'{uri} is not a manifest: a list that begins with {{"prefix": "s3://…"}}'
        ) from error
    _fetch_all(s3, source, objects[share[0] :: share[1]], folder)
    return len(objects)


def _fetch_all(s3: Any, bucket: str, objects: Iterable[tuple[str, str]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()

    def fetch(entry: tuple[str, str]) -> None:
        key, relative = entry
        target = (root / relative).resolve()
        if not target.is_relative_to(root):
            raise StorageError(f"the key {key} in {bucket} leads out of its folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], file, COPY_SIZE)

    with ThreadPoolExecutor(PARALLEL) as workers:
        futures = [workers.submit(fetch, entry) for entry in objects]
        try:
            for future in futures:
                future.result()
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise


def upload_file(s3: Any, file: IO[bytes], uri: str, key_id: str | None = None) -> None:
    """Upload an open file to an address, encrypted with a KMS key if one is named."""
    bucket, key = split(uri)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
    s3.put_object(Bucket=bucket, Key=key, Body=file, **encryption)


def upload_folders(s3: Any, folders: Iterable[Path], uri: str, key_id: str | None = None) -> None:
    """Upload what folders hold, file by file; where two have the same file, the last one's counts."""
    for name, path in sorted(_merged(folders).items()):
        if path.is_file():
            with path.open("rb") as file:
                upload_file(s3, file, f"{uri.rstrip('/')}/{name}", key_id)


def upload_archive(s3: Any, folders: Iterable[Path], uri: str, key_id: str | None = None) -> None:
    """Upload folders as one tar.gz; where two have the same file, the last one's counts."""
    files = _merged(folders)
    with tempfile.TemporaryFile() as buffer:
        # Level 1: weights hardly compress, and the default level takes minutes over them.
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
            for name, path in sorted(files.items()):
                archive.add(path, name, recursive=False)
        buffer.seek(0)
        upload_file(s3, buffer, uri, key_id)


def _merged(folders: Iterable[Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for folder in folders:
        files |= {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    return files


class FolderSync:
    """Keeps an S3 address up to date with a folder: each call uploads what changed since the last."""

    def __init__(self, s3: Any, folder: Path, uri: str, key_id: str | None = None) -> None:
        self._s3, self._folder, self._uri, self._key_id = s3, folder, uri.rstrip("/"), key_id
        self._uploaded: dict[Path, FileState] = {}

    def download(self) -> None:
        """Fetch what is there already."""
        download(self._s3, self._uri + "/", self._folder)
        self._uploaded = self._state()

    def upload(self) -> None:
        """Upload new and changed files.

        A file that its workload is writing is left for the next call, and the last one comes when the
        workload has ended: the request signs a hash of what it sends, so both must be the same content.
        """
        for path, state in self._state().items():
            if self._uploaded.get(path) != state:
                with contextlib.suppress(FileNotFoundError):  # a temporary file, renamed meanwhile
                    self._upload(path, state)

    def _upload(self, path: Path, state: FileState) -> None:
        with path.open("rb") as file, tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy, COPY_SIZE)
            if _file_state(path) != state:
                return
            copy.seek(0)
            uri = f"{self._uri}/{path.relative_to(self._folder).as_posix()}"
            upload_file(self._s3, copy, uri, self._key_id)
        self._uploaded[path] = state

    def _state(self) -> dict[Path, FileState]:
        states = {}
        for path in self._folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    states[path] = _file_state(path)
        return states


def _file_state(path: Path) -> FileState:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
