"""What the project takes on this machine's disk, and how it is freed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kennel import folders

# What freeing costs. "free": nothing, it is made again when it is needed. "kept": what somebody may want is
# gone for good. "environment": minutes, the launcher makes it again. "in use": it is not freed.
Cost = Literal["free", "kept", "environment", "in use"]

CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")
ENVIRONMENTS = (".venv-audit", ".tools", ".venv")  # the last is the one that this program runs in
BYTECODE_IN = ("src", "tests", "bootstrap", "benchmarks", "policies", "lambda", "ec2")
BUILD = "build"
LOCAL_CLOUD, REHEARSAL, DATA = "localcloud", "rehearsal", "data"  # in the build folder
# Other parts of the build folder, which tasks make again. What is not listed may be somebody's own.
OUTPUTS = ("audit", "checks", "faults", "function", "playground", "stack")


@dataclass(frozen=True)
class Part:
    """A part of what the project takes.

    Attributes
    ----------
    paths
        Files and folders, which go together.
    bytes
        What they take.
    """

    name: str
    what: str
    cost: Cost
    paths: tuple[Path, ...]
    bytes: int


def parts(root: Path, running: Callable[[Path], bool]) -> list[Part]:
    """Return what a checkout takes, the biggest first.

    Parameters
    ----------
    root
        The checkout.
    running
        Whether the local cloud of a folder runs.
    """
    bytecode = [path for name in BYTECODE_IN for path in (root / name).rglob("__pycache__")]
    caches = [root / name for name in CACHES]
    found = [
        *_build_parts(root / BUILD, running),
        _part("caches", "of the checks and of Python", "free", [*caches, *bytecode]),
        *(_part(name, "an environment", "environment", [root / name]) for name in ENVIRONMENTS),
        _part("temporary folders", "left behind by ended processes", "free", folders.abandoned()),
    ]
    return sorted((part for part in found if part.paths), key=lambda part: part.bytes, reverse=True)


def _build_parts(build: Path, running: Callable[[Path], bool]) -> Iterable[Part]:
    for path in sorted(build.glob("*")):
        name = f"{BUILD}/{path.name}"
        if path.name == LOCAL_CLOUD:
            yield from _local_cloud_parts(name, path, running(path))
        elif path.name == REHEARSAL:
            busy = running(path / "cloud")
            yield _part(
                name, "the last rehearsal, its cloud and report", "in use" if busy else "kept", [path]
            )
        elif path.name == DATA:
            yield _part(name, "photos: fetched, drawn, split", "kept", [path])
        elif path.name in OUTPUTS:
            busy = path.name == "stack" and running(build / LOCAL_CLOUD)
            yield _part(name, "output of tasks", "in use" if busy else "free", [path])
        else:
            yield _part(name, "not made by a task", "kept", [path])


def _local_cloud_parts(name: str, path: Path, busy: bool) -> Iterable[Part]:
    """Yield what a local cloud holds, and apart from it the packages, which are installed again."""
    packages = path / folders.WORKLOAD_PACKAGES
    held = [child for child in path.iterdir() if child != packages] if packages.exists() else [path]
    yield _part(name, "what the local cloud holds", "in use" if busy else "kept", held)
    what = "packages that jobs and models required"
    yield _part(f"{name}/{packages.name}", what, "in use" if busy else "free", [packages])


def _part(name: str, what: str, cost: Cost, paths: Iterable[Path]) -> Part:
    present = tuple(path for path in paths if path.exists() or path.is_symlink())
    return Part(name, what, cost, present, sum(folders.size(path) for path in present))


def freed(chosen: Iterable[Part]) -> int:
    """Delete parts, and return the bytes that they took; of a link only the link is deleted.

    Raises
    ------
    OSError
        A part cannot be deleted.
    """
    total = 0
    for part in chosen:
        for path in part.paths:
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
            else:
                shutil.rmtree(path)
        total += part.bytes
    return total
