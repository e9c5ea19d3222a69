"""Fetching against a real local HTTP server: resume, verification, hostile zips."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kennel.classifier.data import DataError, checking, fetch, folder


class FileServer:
    """One file served with Range support; may hang up early."""

    def __init__(self) -> None:
        self.body = b""
        self.etag = '"v1"'
        self.requests: list[str | None] = []
        self.hang_up_after: int | None = None
        self.url = ""


@pytest.fixture
def file_server() -> Iterator[FileServer]:
    file_server = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested = self.headers.get("Range")
            file_server.requests.append(requested)
            if self.path != "/dogs.zip":
                self.send_error(404)
                return
            start = 0
            if requested and self.headers.get("If-Range") == file_server.etag:
                start = int(requested.removeprefix("bytes=").rstrip("-"))
                self.send_response(206)
            else:
                self.send_response(200)
            rest = file_server.body[start:]
            self.send_header("Content-Length", str(len(rest)))
            self.send_header("ETag", file_server.etag)
            self.end_headers()
            if file_server.hang_up_after is not None:
                rest, file_server.hang_up_after = rest[: file_server.hang_up_after], None
            self.wfile.write(rest)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    file_server.url = f"http://127.0.0.1:{server.server_port}/dogs.zip"
    yield file_server
    server.shutdown()
    thread.join()
    server.server_close()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def dogs(drawn: Path) -> bytes:
    members = {f"dogImages/{p.relative_to(drawn)}": p.read_bytes() for p in drawn.rglob("*.jpg")}
    return zipped({**members, "__MACOSX/dogImages/._x.jpg": b"junk", "dogImages/.DS_Store": b"junk"})


def test_downloads_unpacks_and_is_done_the_second_time(
    file_server: FileServer, dogs: bytes, tmp_path: Path
) -> None:
    file_server.body = dogs
    root = fetch.fetch(tmp_path / "data", file_server.url, sha256=hashlib.sha256(dogs).hexdigest())
    assert root == tmp_path / "data" / "dogImages"
    assert len(folder.read(root).splits["train"]) == 24
    assert checking.check(root).misplaced == []
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("data")) == ["data"]
    fetch.fetch(tmp_path / "data", file_server.url, sha256=hashlib.sha256(dogs).hexdigest())
    assert len(file_server.requests) == 1


def test_a_broken_connection_is_continued_where_it_broke(
    file_server: FileServer, dogs: bytes, tmp_path: Path
) -> None:
    file_server.body, file_server.hang_up_after = dogs, len(dogs) // 3
    fetch.fetch(tmp_path / "data", file_server.url)
    assert file_server.requests == [None, f"bytes={len(dogs) // 3}-"]


def test_a_killed_download_is_continued_by_the_next_call(
    file_server: FileServer, dogs: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_server.body, file_server.hang_up_after = dogs, 1000
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    with pytest.raises(DataError, match="run it again to continue"):
        fetch.fetch(tmp_path / "data", file_server.url)
    fetch.fetch(tmp_path / "data", file_server.url)
    assert file_server.requests == [None, "bytes=1000-"]


def test_a_file_that_changed_meanwhile_is_fetched_afresh(
    file_server: FileServer, dogs: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_server.body, file_server.hang_up_after = b"x" * 5000, 1000
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    with pytest.raises(DataError):
        fetch.fetch(tmp_path / "data", file_server.url)
    file_server.body, file_server.etag = dogs, '"v2"'
    root = fetch.fetch(tmp_path / "data", file_server.url)
    assert len(folder.read(root).splits["test"]) == 12


def test_a_corrupted_download_is_refused_and_dropped(
    file_server: FileServer, dogs: bytes, tmp_path: Path
) -> None:
    damaged = bytearray(dogs)
    damaged[500] ^= 0xFF
    file_server.body = bytes(damaged)
    with pytest.raises(DataError, match="SHA-256"):
        fetch.fetch(tmp_path / "data", file_server.url, sha256=hashlib.sha256(dogs).hexdigest())
    with pytest.raises(DataError, match="damaged"):  # no digest known: the zip's own checksums differ
        fetch.fetch(tmp_path / "data", file_server.url)
    assert not (tmp_path / "data").exists()
    file_server.body = dogs
    assert fetch.fetch(tmp_path / "data", file_server.url).is_dir()


def test_a_missing_file_is_one_clear_line(file_server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="answered 404"):
        fetch.fetch(tmp_path / "data", file_server.url.replace("dogs", "cats"))
    assert len(file_server.requests) == 1


def test_plain_http_from_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only https"):
        fetch.fetch(tmp_path / "data", "http://example.com/dogs.zip")


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "C:/evil.jpg", "a\\..\\evil"]
)
def test_a_member_that_points_outside_is_refused(name: str, dogs: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(zipped({name: b"x"}))
    with pytest.raises(DataError, match="points outside"):
        fetch.fetch(tmp_path / "data", tmp_path / "bad.zip")
    assert (tmp_path / "bad.zip").exists()
    assert not (tmp_path / "data").exists()


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("train/a/x.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="symbolic link"):
        fetch.fetch(tmp_path / "data", tmp_path / "bad.zip")


def test_a_zip_bomb_is_refused(dogs: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "UNPACKED_LIMIT", 1000)
    (tmp_path / "dogs.zip").write_bytes(dogs)
    with pytest.raises(DataError, match="unpacks to more than"):
        fetch.fetch(tmp_path / "data", tmp_path / "dogs.zip")


def test_a_local_zip_and_a_local_folder_are_taken(dogs: bytes, drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "dogs.zip").write_bytes(dogs)
    assert len(folder.read(fetch.fetch(tmp_path / "data", tmp_path / "dogs.zip")).classes) == 6
    assert fetch.fetch(tmp_path / "unused", drawn) == drawn
    with pytest.raises(DataError, match="no such zip or folder"):
        fetch.fetch(tmp_path / "more", tmp_path / "nothing.zip")


def test_a_folder_in_use_is_left_alone(dogs: bytes, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("keep")
    (tmp_path / "dogs.zip").write_bytes(dogs)
    with pytest.raises(DataError, match="already holds something else"):
        fetch.fetch(tmp_path / "data", tmp_path / "dogs.zip")
    assert (tmp_path / "data" / "mine.txt").read_text() == "keep"
