"""The wheel of OpenVINO that a release carries: the endpoint's image has none, and an endpoint no network.

``wheels.json`` names it with its hash. It is downloaded once, from the package indexes that are configured
for pip or uv, and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kennel.packaging import PackagingError, Progress
from kennel.serving import vendored

PINS = Path(__file__).with_name("wheels.json")
_SECONDS = 600
# uv's variables, and pip's for the same.
_INDEXES = {
    "UV_DEFAULT_INDEX": "PIP_INDEX_URL",
    "UV_INDEX_URL": "PIP_INDEX_URL",
    "UV_INDEX": "PIP_EXTRA_INDEX_URL",
    "UV_EXTRA_INDEX_URL": "PIP_EXTRA_INDEX_URL",
    "UV_FIND_LINKS": "PIP_FIND_LINKS",
    "UV_NO_INDEX": "PIP_NO_INDEX",
    "UV_OFFLINE": "PIP_NO_INDEX",
}


def pinned() -> list[dict[str, str]]:
    """Return the wheels that a release carries: ``{"file", "sha256"}`` each."""
    wheels: list[dict[str, str]] = json.loads(PINS.read_text(encoding="utf-8"))["wheels"]
    return wheels


def add(content: Path, report: Progress) -> None:
    """Put the wheels and their hashes into a release's folder.

    Raises
    ------
    PackagingError
        A wheel cannot be downloaded.
    """
    target = content / vendored.FOLDER
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for wheel in pinned():
        shutil.copyfile(cached(wheel, report), target / wheel["file"])
    shutil.copyfile(PINS, target / vendored.LIST)


def require_pinned(content: Path) -> None:
    """Refuse a release's folder with other wheels than the pinned ones.

    Raises
    ------
    PackagingError
        A wheel is missing, another one is there, or its content is another.
    """
    folder = content / vendored.FOLDER
    expected = {folder / wheel["file"]: wheel["sha256"] for wheel in pinned()}
    listed = folder / vendored.LIST
    names = set(folder.rglob("*")) if folder.is_dir() else set()
    if names != {*expected, listed} or listed.read_bytes() != PINS.read_bytes():
        raise PackagingError(f"{vendored.FOLDER}/ does not hold the pinned wheels: package the model again")
    for path, digest in expected.items():
        if _digest(path) != digest:
            raise PackagingError(f"{path.name} is not the pinned wheel: package the model again")


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that keeps the wheels: below the user's cache."""
    base = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kennel" / "wheels"


def cached(wheel: Mapping[str, str], report: Progress) -> Path:
    """Return the file of a wheel, which is downloaded if the cache does not have it.

    Raises
    ------
    PackagingError
        It cannot be downloaded.
    """
    path = cache() / wheel["file"]
    if path.is_file() and _digest(path) == wheel["sha256"]:
        return path
    report(f"downloading {wheel['file']}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        _download(wheel, Path(folder))
        downloaded = Path(folder) / wheel["file"]
        if not downloaded.is_file() or _digest(downloaded) != wheel["sha256"]:
            raise PackagingError(
                f"the package index has another {wheel['file']} than the pinned one: "
                "see which index serves it (pip config list, UV_*), or package with --runtime torch"
            )
        downloaded.replace(path)
    return path


def _download(wheel: Mapping[str, str], folder: Path) -> None:
    name, version, *_, python, abi, machine = wheel["file"].removesuffix(".whl").split("-")
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{name}=={version} --hash=sha256:{wheel['sha256']}\n", encoding="utf-8")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes"),
        *("--python-version", python.removeprefix("cp"), "--implementation", "cp"),
        *("--abi", abi, "--platform", machine),
        *("--dest", str(folder), "--requirement", str(requirements)),
    ]
    try:
        done = subprocess.run(
            command, env=_environ(os.environ), capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise PackagingError(f"{wheel['file']} was not downloaded within {_SECONDS} s: {_remedy()}") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        cause = lines[-1].removeprefix("ERROR:").strip() if lines else f"pip ended with {done.returncode}"
        raise PackagingError(f"{wheel['file']} cannot be downloaded ({cause:.200}): {_remedy()}")


def _remedy() -> str:
    return (
        f"configure a package index that has it (pip config list, UV_*), put the file into {cache()}, "
        "or package with --runtime torch"
    )


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for pip; indexes that are configured for uv count for it too."""
    result: dict[str, Any] = dict(environ)
    for uv, pip in _INDEXES.items():
        if environ.get(uv) and pip not in environ:
            result[pip] = environ[uv].replace(",", " ") if pip == "PIP_FIND_LINKS" else environ[uv]
    return result


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
