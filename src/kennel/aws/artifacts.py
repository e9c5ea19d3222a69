"""What goes into S3 and comes out of it: data sets, photos, source trees, archives."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kennel.aws import StackError, session

Progress = Callable[[str], None]
_PARALLEL = 16


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise StackError(f"not an S3 address: {uri!r} (expected s3://bucket/key)")
    return bucket, key


def objects(bucket: str, prefix: str) -> dict[str, dict[str, Any]]:
    """Return what lies under ``prefix``: key to ``{"Size", "LastModified", …}``."""
    pages = session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {entry["Key"]: entry for page in pages for entry in page.get("Contents", [])}


def upload_folder(
    folder: Path, bucket: str, prefix: str, *, remove: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """Bring ``s3://bucket/prefix/`` to what ``folder`` holds, sending only what changed.

    A file is sent when it is absent, of another size, or newer than its object, the rule of
    ``aws s3 sync``. An interrupted upload is therefore resumed by running it again.

    Parameters
    ----------
    remove
        Delete objects that have no file.

    Returns
    -------
    dict
        Counts: ``sent``, ``unchanged``, ``removed``.
    """
    tell = progress or (lambda line: None)
    prefix = prefix.rstrip("/") + "/"
    there = objects(bucket, prefix)
    files = {
        prefix + path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    changed = [key for key, path in files.items() if not _same(path, there.get(key))]
    s3 = session.client("s3")
    _each(
        lambda key: s3.upload_file(str(files[key]), bucket, key),
        changed,
        lambda done: tell(f"uploaded {done}/{len(changed)}"),
    )
    gone = sorted(set(there) - set(files)) if remove else []
    for start in range(0, len(gone), 1000):  # DeleteObjects takes 1,000 keys a call
        batch = [{"Key": key} for key in gone[start : start + 1000]]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
    return {"sent": len(changed), "unchanged": len(files) - len(changed), "removed": len(gone)}


def download(uri: str, target: Path) -> Path:
    """Fetch one object into the file ``target``, which appears only when complete."""
    bucket, key = split(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(target.suffix + ".part")
    try:
        session.client("s3").download_file(bucket, key, str(partial))
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(target)
    return target


def download_folder(uri: str, target: Path, progress: Progress | None = None) -> Path:
    """Bring the folder ``target`` to what lies below an S3 address, fetching only what changed.

    Raises
    ------
    StackError
        Nothing lies there, or a key leads out of the folder.
    """
    tell = progress or (lambda line: None)
    bucket, prefix = split(uri)
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    there = {key[len(prefix) :]: entry for key, entry in objects(bucket, prefix).items() if key[-1] != "/"}
    if not there:
        raise StackError(f"nothing lies at {uri}: check the address, or upload it first")
    root = target.resolve()
    wanted = {name: (root / name).resolve() for name in there}
    for name, path in wanted.items():
        if not path.is_relative_to(root):
            raise StackError(f"the key {prefix}{name} in {bucket} leads out of its folder")
    changed = [name for name, path in wanted.items() if not _fetched(path, there[name])]
    _each(
        lambda name: download(f"s3://{bucket}/{prefix}{name}", wanted[name]),
        changed,
        lambda done: tell(f"fetched {done}/{len(changed)}"),
    )
    kept = set(wanted.values())
    for path in [path for path in root.rglob("*") if path.is_file() and path not in kept]:
        path.unlink()  # what the folder lost must not be trained on
    return target


def stage_classifier(root: Path, target: Path, entry: tuple[str, str]) -> Path:
    """Lay out the classifier as a source tree of its own, for a job or a release.

    Parameters
    ----------
    entry
        Name and text of the script that the container starts with.

    Returns
    -------
    Path
        ``target``, holding the script and the package ``kennel`` reduced to its classifier.
    """
    shutil.rmtree(target, ignore_errors=True)
    package = target / "kennel"
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(root / "src" / "kennel" / "classifier", package / "classifier", ignore=ignore)
    for name in ("__init__.py", "errors.py"):
        shutil.copy2(root / "src" / "kennel" / name, package / name)
    name, text = entry
    (target / name).write_text(text)
    return target


def _same(path: Path, entry: dict[str, Any] | None) -> bool:
    if entry is None:
        return False
    stat = path.stat()
    return entry["Size"] == stat.st_size and entry["LastModified"].timestamp() >= int(stat.st_mtime)


def _fetched(path: Path, entry: dict[str, Any]) -> bool:
    """Whether a file is what was fetched of an object that has not changed since."""
    if not path.is_file():
        return False
    stat = path.stat()
    return entry["Size"] == stat.st_size and stat.st_mtime >= entry["LastModified"].timestamp()


def _each(work: Callable[[str], Any], items: Iterable[str], done: Callable[[int], None]) -> None:
    """Run ``work`` over ``items`` in parallel; the first failure stops what has not begun."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        try:
            for count, _ in enumerate(pool.map(work, items), 1):
                done(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
