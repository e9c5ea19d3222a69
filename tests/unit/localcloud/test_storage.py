"""Transfers between S3 and a folder; the client keeps its objects in a dictionary."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kennel import archives
from kennel.localcloud.runtime import storage


class Objects:
    """The three calls of an S3 client that the module makes, over a dictionary."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {key.replace("__", "/"): body for key, body in objects.items()}
        self.puts: list[str] = []
        self.during_put: Callable[[], object] = lambda: None

    def get_paginator(self, name: str) -> Objects:
        assert name == "list_objects_v2"
        return self

    def paginate(self, **request: str) -> list[dict[str, Any]]:
        return [
            {"Contents": [{"Key": key}]} for key in sorted(self.objects) if key.startswith(request["Prefix"])
        ]

    def get_object(self, **request: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[request["Key"]])}

    def put_object(self, **request: Any) -> None:
        signed = request["Body"].read()
        self.during_put()
        request["Body"].seek(0)
        sent = request["Body"].read()  # botocore reads twice: for the hash, and to send
        assert sent == signed
        self.objects[request["Key"]] = sent
        self.puts.append(request["Key"])


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_prefix_is_taken_away_and_folder_markers_are_skipped(tmp_path: Path) -> None:
    s3 = Objects(data__train__a=b"1", data__train__sub__b=b"2", other=b"3")
    s3.objects["data/train/"] = b""
    assert storage.download(s3, "s3://b/data/train", tmp_path) == 2
    assert files(tmp_path) == {"a": b"1", "sub/b": b"2"}


def test_a_single_object_keeps_its_name(tmp_path: Path) -> None:
    storage.download(Objects(data__photo=b"1"), "s3://b/data/photo", tmp_path)
    assert files(tmp_path) == {"photo": b"1"}


def test_shards_are_disjoint_and_whole(tmp_path: Path) -> None:
    s3 = Objects(**{f"x__{n}": str(n).encode() for n in range(7)})
    for index in range(3):
        storage.download(s3, "s3://b/x", tmp_path / str(index), (index, 3))
    names = [name for index in range(3) for name in files(tmp_path / str(index))]
    assert sorted(names) == [str(n) for n in range(7)]


def test_a_manifest_names_its_objects(tmp_path: Path) -> None:
    s3 = Objects(m=b'[{"prefix": "s3://b/x/"}, "1", "sub/2"]', x__1=b"1", x__sub__2=b"2", x__3=b"3")
    assert storage.download_manifest(s3, "s3://b/m", tmp_path) == 2
    assert files(tmp_path) == {"1": b"1", "sub/2": b"2"}


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"prefix": "s3://b/x/"}',
        b'["1"]',
        b'[{"prefix": "s3://b/x/"}, 1]',
        b"[" * 100_000,
    ],
)
def test_what_is_no_manifest_is_refused(manifest: bytes, tmp_path: Path) -> None:
    with pytest.raises(storage.StorageError, match="is not a manifest"):
        storage.download_manifest(Objects(m=manifest), "s3://b/m", tmp_path)


def test_a_key_that_leads_out_is_refused(tmp_path: Path) -> None:
    s3 = Objects()
    s3.objects["x/../../escaped"] = b"1"
    with pytest.raises(storage.StorageError, match="leads out of its folder"):
        storage.download(s3, "s3://b/x", tmp_path / "in" / "side")
    assert files(tmp_path) == {}


@pytest.mark.parametrize("uri", ["http://b/x", "s3://", "b/x", ""])
def test_what_is_no_address_is_named(uri: str) -> None:
    with pytest.raises(storage.StorageError, match="is not an s3:// address"):
        storage.split(uri)


def test_an_archive_holds_every_hosts_files_and_the_last_ones_count(tmp_path: Path) -> None:
    for host, name in (("2", "second"), ("1", "first")):
        (tmp_path / host / "sub").mkdir(parents=True)
        (tmp_path / host / "sub" / "both").write_text(name)
        (tmp_path / host / name).write_text(name)
    s3 = Objects()
    storage.upload_archive(s3, [tmp_path / "2", tmp_path / "1"], "s3://b/out/model.tar.gz")
    (tmp_path / "archive").write_bytes(s3.objects["out/model.tar.gz"])
    archives.unpack(tmp_path / "archive", tmp_path / "unpacked")
    assert files(tmp_path / "unpacked") == {"first": b"first", "second": b"second", "sub/both": b"first"}


def test_only_what_changed_is_uploaded_again(tmp_path: Path) -> None:
    s3 = Objects(c__old=b"old")
    sync = storage.FolderSync(s3, tmp_path, "s3://b/c/")
    sync.download()
    assert files(tmp_path) == {"old": b"old"}
    sync.upload()
    assert s3.puts == []
    (tmp_path / "new").write_bytes(b"new")
    sync.upload()
    sync.upload()
    assert s3.puts == ["c/new"]
    (tmp_path / "new").write_bytes(b"newer")
    sync.upload()
    assert (s3.puts, s3.objects["c/new"]) == (["c/new", "c/new"], b"newer")


def test_a_file_that_is_written_during_its_upload_is_uploaded_as_it_was_and_again(tmp_path: Path) -> None:
    s3 = Objects()
    path = tmp_path / "checkpoint"
    path.write_bytes(b"first")
    s3.during_put = lambda: path.write_bytes(b"first and second")
    sync = storage.FolderSync(s3, tmp_path, "s3://b/c")
    sync.upload()
    assert s3.objects["c/checkpoint"] == b"first"
    s3.during_put = lambda: None
    sync.upload()
    assert s3.objects["c/checkpoint"] == b"first and second"
    sync.upload()
    assert s3.puts == ["c/checkpoint"] * 2


def test_a_file_that_grows_while_it_is_read_waits_for_the_next_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = Objects()
    path = tmp_path / "checkpoint"
    path.write_bytes(b"half")
    copy = storage.shutil.copyfileobj

    def copy_and_grow(*arguments: Any) -> None:
        copy(*arguments)
        with path.open("ab") as file:
            file.write(b" and half")

    sync = storage.FolderSync(s3, tmp_path, "s3://b/c")
    with monkeypatch.context() as patch:
        patch.setattr(storage.shutil, "copyfileobj", copy_and_grow)
        sync.upload()
    assert s3.puts == []
    sync.upload()
    assert s3.objects["c/checkpoint"] == b"half and half"
