"""The vendored wheel: from the configured index, checked by its hash, kept, and refused if it is another."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest

from kennel.aws import session
from kennel.packaging import PackagingError, vendor

WHEEL = "kennelprobe-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"


def make_wheel(folder: Path, module: str = "answer = 42\n") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kennelprobe.py", module)
        archive.writestr(
            "kennelprobe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: kennelprobe\nVersion: 1.0\n"
        )
        archive.writestr(
            "kennelprobe-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp313-cp313-manylinux_2_28_x86_64\n",
        )
        archive.writestr("kennelprobe-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that pip takes wheels from, with the pinned one, and an empty cache."""
    wheel = make_wheel(tmp_path / "index")
    pins = tmp_path / "wheels.json"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pins.write_text(json.dumps({"wheels": [{"file": WHEEL, "sha256": digest}]}))
    monkeypatch.setattr(vendor, "PINS", pins)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("UV_FIND_LINKS", str(wheel.parent))  # as for uv: pip takes it too
    return wheel.parent


def test_it_is_downloaded_once_and_copied_into_each_release(index: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        vendor.add(tmp_path / name, lines.append)
        (index / WHEEL).unlink(missing_ok=True)

    assert lines == [f"downloading {WHEEL}"]
    vendor.require_pinned(tmp_path / "second")


def test_an_index_with_another_file_is_refused(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "answer = 0\n")

    with pytest.raises(PackagingError, match=rf"{WHEEL} cannot be downloaded .*--runtime torch"):
        vendor.add(tmp_path, lambda line: None)


def test_without_it_the_refusal_names_the_remedy(index: Path, tmp_path: Path) -> None:
    (index / WHEEL).unlink()

    with pytest.raises(PackagingError, match=r"configure a package index .* or package with --runtime torch"):
        vendor.add(tmp_path, lambda line: None)


@pytest.mark.parametrize("change", ["another wheel", "another content", "another list", "none"])
def test_what_is_not_pinned_is_refused(index: Path, tmp_path: Path, change: str) -> None:
    vendor.add(tmp_path, lambda line: None)
    folder = tmp_path / "vendor"
    if change == "another wheel":
        (folder / "more.whl").write_bytes(b"x")
    elif change == "another content":
        (folder / WHEEL).write_bytes(b"x")
    elif change == "another list":
        (folder / "wheels.json").write_text('{"wheels": []}')
    else:
        (folder / WHEEL).unlink()

    with pytest.raises(PackagingError, match="pinned wheel"):
        vendor.require_pinned(tmp_path)


def test_the_pinned_wheel_is_that_of_the_requirements() -> None:
    (wheel,) = vendor.pinned()
    requirements = (session.ROOT / "requirements.txt").read_text()
    locked = re.search(r"^openvino==(\S+) (?:.*\n)+?    # via", requirements, re.MULTILINE)

    assert locked is not None
    assert wheel["file"].startswith(f"openvino-{locked[1]}-")
    assert wheel["sha256"] in locked[0]
