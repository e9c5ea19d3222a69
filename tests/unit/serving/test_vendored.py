"""Wheels that a release carries: used if hash and tags fit, refused if the hash does not."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import zipfile
from pathlib import Path

import pytest

from kennel.serving import ServingError, runtimes, vendored

OWN = f"cp{sys.version_info.major}{sys.version_info.minor}"


def carried(folder: Path, name: str = "kennel_carried-1.0-py3-none-any.whl", digest: str = "") -> Path:
    """Write a release's vendor folder with one wheel, which holds the module ``kennel_carried``."""
    vendor = folder / "vendor"
    vendor.mkdir()
    with zipfile.ZipFile(vendor / name, "w") as wheel:
        wheel.writestr("kennel_carried.py", "VALUE = 42\n")
    actual = hashlib.sha256((vendor / name).read_bytes()).hexdigest()
    (vendor / "wheels.json").write_text(json.dumps({"wheels": [{"file": name, "sha256": digest or actual}]}))
    return folder


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_a_wheel_becomes_importable(tmp_path: Path) -> None:
    vendored.install(carried(tmp_path))
    try:
        assert importlib.import_module("kennel_carried").VALUE == 42
    finally:
        sys.modules.pop("kennel_carried", None)


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    before = list(sys.path)
    with pytest.raises(ServingError, match="has the hash"):
        vendored.install(carried(tmp_path, digest="0" * 64))
    assert sys.path == before


def test_a_listed_wheel_that_is_missing_is_refused(tmp_path: Path) -> None:
    (carried(tmp_path) / "vendor" / "kennel_carried-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ServingError, match="missing"):
        vendored.install(tmp_path)


def test_a_wheel_of_another_python_is_left_alone(tmp_path: Path) -> None:
    before = list(sys.path)
    vendored.install(carried(tmp_path, "kennel_carried-1.0-cp27-cp27m-win32.whl"))
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        (f"a-1-{OWN}-{OWN}-any.whl", True),
        ("a-1-cp39-abi3-any.whl", True),
        ("a-1-cp399-abi3-any.whl", False),
        ("a-1-cp27-cp27m-any.whl", False),
        (f"a-1-{OWN}-{OWN}-win_amd64.whl", False),
        (f"a-1-{OWN}-{OWN}-manylinux_2_28_s390x.whl", False),
    ],
)
def test_tags_say_where_a_wheel_runs(name: str, fits: bool) -> None:
    assert vendored.fits(name) is fits


def test_a_release_without_the_library_or_a_wheel_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # its import fails
    with pytest.raises(ServingError, match="pip install openvino"):
        runtimes.open_runtime(folder, "openvino", 1)
