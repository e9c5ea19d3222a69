"""A function's zip: unpacked below its folder, whatever its entries are called."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from kennel.localcloud import LocalCloudError
from kennel.localcloud.services.lambda_.function_version import FunctionVersion, unpack


def version(code: bytes) -> FunctionVersion:
    return FunctionVersion("f", "1", "arn", "role", "h.h", "python3.12", 3.0, 128, "sha" * 10, code=code)


def archive(*entries: tuple[str, int]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            file.writestr(entry, b"code")
    return content.getvalue()


def test_the_modes_of_files_are_kept(tmp_path: Path) -> None:
    folder = unpack(version(archive(("run", 0o755), ("a/h.py", 0o644))), tmp_path)
    assert [(folder / name).stat().st_mode & 0o777 for name in ("run", "a/h.py")] == [0o755, 0o644]


def test_no_mode_outside_the_folder_is_changed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    outside.chmod(0o600)
    up = "/".join([".."] * 20)
    folder = unpack(
        version(archive((str(outside), 0o777), (f"{up}{outside}", 0o777))), tmp_path / "functions"
    )
    assert outside.stat().st_mode & 0o777 == 0o600
    assert outside.read_text() == "mine"
    assert (folder / str(outside).lstrip("/")).read_text() == "code"


def damaged() -> bytes:
    content = bytearray(archive(("h.py", 0o644)))
    content[content.index(b"code")] ^= 1
    return bytes(content)


def encrypted() -> bytes:
    content = bytearray(archive(("h.py", 0o644)))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    "code",
    [b"", b"no zip", archive(("h.py", 0o644))[:-10], damaged(), encrypted(), archive(("a", 0), ("a/b", 0))],
    ids=["nothing", "no zip", "cut off", "damaged", "encrypted", "a file and a folder"],
)
def test_what_is_no_zip_is_refused_and_leaves_nothing(code: bytes, tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="is not a zip file"):
        unpack(version(code), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
