"""Archives: which are refused, and that the same model is the same release."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from kennel.aws import StackError, releases


def archive_of(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 1 if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    "hostile",
    [
        member("../outside"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "../../outside"),
        member("hard", tarfile.LNKTYPE, "../outside"),
        member("device", tarfile.CHRTYPE),
    ],
    ids=["parent", "absolute link", "relative link", "hard link", "device"],
)
def test_archives_that_lead_outside_are_refused(tmp_path: Path, hostile: tarfile.TarInfo) -> None:
    archive = archive_of(tmp_path / "model.tar.gz", hostile)

    with pytest.raises(StackError, match="not a readable archive"):
        releases.unpack(archive, tmp_path / "content")

    assert not (tmp_path / "outside").exists()


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "model.tar.gz", member("/model.json"))

    releases.unpack(archive, tmp_path / "content")

    assert (tmp_path / "content" / "model.json").read_bytes() == b"x"


def test_what_is_not_an_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"weights")

    with pytest.raises(StackError, match=r"model\.tar\.gz is not a readable archive"):
        releases.unpack(tmp_path / "model.tar.gz", tmp_path / "content")


def test_the_digest_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "model.pth").write_bytes(b"weights")
    (tmp_path / "code" / "inference.py").write_bytes(b"pass")
    first = releases._digest(tmp_path)

    assert releases._digest(tmp_path) == first
    (tmp_path / "model.pth").write_bytes(b"other weights")
    changed = releases._digest(tmp_path)
    (tmp_path / "model.pth").rename(tmp_path / "model.pt")

    assert len({first, changed, releases._digest(tmp_path)}) == 3


def test_packing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "model.pth").write_bytes(bytes(range(256)) * 1000)
    first = releases._pack(content)
    (content / "model.pth").touch()

    assert releases._pack(content) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert tar.getnames() == ["model.pth"]


@pytest.mark.parametrize("wrong", ["", "r-123", "r-XYZXYZXYZXYZ", "../../current", "r-0123456789abc"])
def test_release_ids_are_checked_before_they_become_keys(wrong: str) -> None:
    with pytest.raises(StackError, match="not a release id"):
        releases.find("bucket", wrong)
