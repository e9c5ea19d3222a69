"""Wheels in a release's ``vendor`` folder, for images that lack a library and have no network.

``vendor/wheels.json`` is ``{"wheels": [{"file": NAME, "sha256": HEX}]}``. A wheel is used only if its hash
and its tags fit; it is unpacked, not installed, to a temporary folder at the end of the import path.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import platform
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from kennel.serving import ServingError

FOLDER = "vendor"
LIST = "wheels.json"


def install(folder: Path) -> None:
    """Make the wheels importable that a release carries for this Python and platform; none is no error.

    Raises
    ------
    ServingError
        A wheel is missing, or is not the one whose hash the release records.
    """
    try:
        wheels = json.loads((folder / FOLDER / LIST).read_text(encoding="utf-8"))["wheels"]
    except FileNotFoundError:
        return
    fitting = [wheel for wheel in wheels if fits(wheel["file"])]
    if not fitting:
        return
    target = Path(tempfile.mkdtemp(prefix="kennel-vendor-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    for wheel in fitting:
        path = folder / FOLDER / wheel["file"]
        _verify(path, wheel["sha256"])
        with zipfile.ZipFile(path) as archive:
            archive.extractall(target)
    sys.path.append(str(target))


def fits(name: str) -> bool:
    """Return whether a wheel's file name says that it runs on this Python and machine."""
    python, abi, machine = name.removesuffix(".whl").split("-")[-3:]
    major, minor = sys.version_info[:2]
    oldest = python.removeprefix(f"cp{major}")
    stable = abi == "abi3" and oldest.isdecimal() and int(oldest) <= minor
    fits_python = python == f"cp{major}{minor}" or stable or "py3" in python.split(".")
    fits_machine = machine == "any" or (
        sys.platform == "linux" and "linux" in machine and machine.endswith(platform.machine())
    )
    return fits_python and fits_machine


def _verify(path: Path, digest: str) -> None:
    try:
        with path.open("rb") as content:
            actual = hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        raise ServingError(f"{path}: missing; the release is incomplete: package the model again") from None
    if actual != digest:
        raise ServingError(f"{path} has the hash {actual[:12]}…, not {digest[:12]}…: package the model again")
