"""Transfers to and from S3: data sets, photos, source trees, archives."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kennel.aws import Progress, StackError, session, silent
from kennel.classifier.data import DRAWN_MARKER

_PARALLEL_TRANSFERS = 16
# From here on boto3 transfers parts side by side. For what is smaller, the threads that it starts for each
# file take as much of a processor as the request: to upload a photo took 7.4 ms, and without them 3.4 ms.
_PARTED_BYTES = 8 * 1024 * 1024
_EMPTY_FOLDER = ".empty"


def split(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise StackError(f"not an S3 address: {uri!r} (expected s3://bucket/key)")
    return bucket, key


def objects(bucket: str, prefix: str) -> dict[str, dict[str, Any]]:
    """Return the objects below ``prefix``: ``{"Size", "LastModified", …}`` by key."""
    pages = session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {entry["Key"]: entry for page in pages for entry in page.get("Contents", [])}


def upload_folder(
    folder: Path, bucket: str, prefix: str, *, remove: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """Synchronise ``s3://bucket/prefix/`` with ``folder``; upload only what changed.

    A file is uploaded if its object is absent, has another size, or is older, as ``aws s3 sync`` does.
    To resume an interrupted upload, run it again.

    Parameters
    ----------
    remove
        Delete objects without a file.

    Returns
    -------
    dict
        Counts: ``sent``, ``unchanged``, ``removed``.
    """
    report = progress or silent
    prefix = prefix.rstrip("/") + "/"
    existing = objects(bucket, prefix)
    files = {
        prefix + path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _is_uploaded(path.relative_to(folder))
    }
    # S3 has no folders: an empty one, a class that has no photos, is kept by an empty object.
    empty = {
        f"{prefix}{path.relative_to(folder).as_posix()}/{_EMPTY_FOLDER}"
        for path in folder.rglob("*")
        if path.is_dir() and not any(path.iterdir())
    }
    changed = [key for key, path in files.items() if not _uploaded(path, existing.get(key))]
    s3 = session.client("s3")
    _in_parallel(
        lambda key: _upload(s3, files[key], bucket, key),
        changed,
        lambda count: report(f"uploaded {count}/{len(changed)}"),
    )
    for key in sorted(empty - set(existing)):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    obsolete = sorted(set(existing) - set(files) - empty) if remove else []
    for start in range(0, len(obsolete), 1000):  # DeleteObjects accepts 1,000 keys per call
        batch = [{"Key": key} for key in obsolete[start : start + 1000]]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
    return {"sent": len(changed), "unchanged": len(files) - len(changed), "removed": len(obsolete)}


def _is_uploaded(path: Path) -> bool:
    """Return whether a file, relative to its folder, is uploaded: hidden ones are not, but for the marker."""
    return str(path) == DRAWN_MARKER or not any(part.startswith(".") for part in path.parts)


def put_once(uri: str, body: bytes) -> bool:
    """Write an object unless there is one of its name; return whether it was written.

    Raises
    ------
    StackError
        Somebody else is writing it.
    """
    from botocore.exceptions import ClientError

    bucket, key = split(uri)
    try:
        # In one request, because boto3's managed uploads do not pass the condition on.
        session.client("s3").put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConditionalRequestConflict":
            raise StackError(f"{uri} is being written by somebody else: try again") from error
        if code != "PreconditionFailed":
            raise
        return False
    return True


def download(uri: str, target: Path, size: int = _PARTED_BYTES) -> Path:
    """Download one object to the file ``target``, which is created only when complete.

    Parameters
    ----------
    size
        Its bytes, if they are known.
    """
    bucket, key = split(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(target.suffix + ".part")
    s3 = session.client("s3")
    try:
        if size >= _PARTED_BYTES:
            s3.download_file(bucket, key, str(partial))
        else:
            with partial.open("wb") as file:
                shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(target)
    return target


def download_folder(uri: str, target: Path, progress: Progress | None = None) -> Path:
    """Synchronise the folder ``target`` with the objects below an S3 address; download only what changed.

    Raises
    ------
    StackError
        There are no objects, or a key leads outside the folder.
    """
    report = progress or silent
    bucket, prefix = split(uri)
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    entries = {key[len(prefix) :]: entry for key, entry in objects(bucket, prefix).items() if key[-1] != "/"}
    if not entries:
        raise StackError(f"there are no objects at {uri}: check the address, or upload first")
    root = target.resolve()
    paths = {name: (root / name).resolve() for name in entries}
    for name, path in paths.items():
        if not path.is_relative_to(root):
            raise StackError(f"the key {prefix}{name} in {bucket} leads outside its folder")
    changed = [name for name, path in paths.items() if not _downloaded(path, entries[name])]
    _in_parallel(
        lambda name: download(f"s3://{bucket}/{prefix}{name}", paths[name], entries[name]["Size"]),
        changed,
        lambda count: report(f"downloaded {count}/{len(changed)}"),
    )
    expected = set(paths.values())
    for path in [path for path in root.rglob("*") if path.is_file() and path not in expected]:
        path.unlink()  # deleted photos must not be used for training
    return target


def stage_classifier(root: Path, target: Path, entry: tuple[str, str]) -> Path:
    """Copy the classifier into a source tree of its own, for a job or a release.

    Parameters
    ----------
    entry
        Name and text of the script that the container starts with.

    Returns
    -------
    Path
        ``target``, with the script and the package ``kennel`` reduced to the classifier and what it imports.
    """
    shutil.rmtree(target, ignore_errors=True)
    package = target / "kennel"
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("classifier", "pictures"):
        shutil.copytree(root / "src" / "kennel" / name, package / name, ignore=ignore)
    for name in ("__init__.py", "class_names.py", "errors.py"):
        shutil.copy2(root / "src" / "kennel" / name, package / name)
    name, text = entry
    (target / name).write_text(text)
    return target


def _uploaded(path: Path, entry: dict[str, Any] | None) -> bool:
    """Return whether an object has its file's size and is not older."""
    if entry is None:
        return False
    stat = path.stat()
    size, modified = int(entry["Size"]), float(entry["LastModified"].timestamp())
    return size == stat.st_size and modified >= int(stat.st_mtime)


def _downloaded(path: Path, entry: dict[str, Any]) -> bool:
    """Return whether a file was downloaded after its object last changed."""
    if not path.is_file():
        return False
    stat = path.stat()
    size, modified = int(entry["Size"]), float(entry["LastModified"].timestamp())
    return size == stat.st_size and stat.st_mtime >= modified


def _upload(s3: Any, path: Path, bucket: str, key: str) -> None:
    if path.stat().st_size >= _PARTED_BYTES:
        s3.upload_file(str(path), bucket, key)
        return
    with path.open("rb") as body:
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def _in_parallel(work: Callable[[str], Any], items: Iterable[str], completed: Callable[[int], None]) -> None:
    """Call ``work`` for all ``items`` in parallel; the first failure cancels those that have not begun."""
    with ThreadPoolExecutor(_PARALLEL_TRANSFERS) as pool:
        try:
            for count, _ in enumerate(pool.map(work, items), 1):
                completed(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
