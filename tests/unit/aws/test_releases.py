"""Releases: archives that are refused, the same model is the same release, and a release is written once."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from kennel.aws import StackError, artifacts, silent
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import candidates, golden, release_archive, releases
from kennel.aws.session import Workspace
from kennel.packaging import PackagingError, vendor
from kennel.serving import staging

BUCKET = "artifacts"


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
        release_archive.unpack(archive, tmp_path / "content")

    assert not (tmp_path / "outside").exists()


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "model.tar.gz", member("/model.json"))

    release_archive.unpack(archive, tmp_path / "content")

    assert (tmp_path / "content" / "model.json").read_bytes() == b"x"


def test_what_is_not_an_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"weights")

    with pytest.raises(StackError, match=r"model\.tar\.gz is not a readable archive"):
        release_archive.unpack(tmp_path / "model.tar.gz", tmp_path / "content")


def test_the_digest_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "model.pth").write_bytes(b"weights")
    (tmp_path / "code" / "inference.py").write_bytes(b"pass")
    first = release_archive.digest_of(tmp_path)

    assert release_archive.digest_of(tmp_path) == first
    (tmp_path / "model.pth").write_bytes(b"other weights")
    changed = release_archive.digest_of(tmp_path)
    (tmp_path / "model.pth").rename(tmp_path / "model.pt")

    assert len({first, changed, release_archive.digest_of(tmp_path)}) == 3


def test_packing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "model.pth").write_bytes(bytes(range(256)) * 1000)
    first = release_archive.pack(content)
    (content / "model.pth").touch()

    assert release_archive.pack(content) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert tar.getnames() == ["model.pth"]


@pytest.mark.parametrize("wrong", ["", "r-123", "r-XYZXYZXYZXYZ", "../../current", "r-0123456789abc"])
def test_release_ids_are_checked_before_they_become_keys(wrong: str) -> None:
    with pytest.raises(StackError, match="not a release id"):
        releases.find("bucket", wrong)


def model_folder(folder: Path, weights: bytes = b"weights") -> Path:
    """Return a folder as `publish` completes it; the model is not one that loads."""
    folder.mkdir(parents=True)
    (folder / "model.pth").write_bytes(weights)
    (folder / "model.json").write_text(json.dumps({"arch": "resnet50", "classes": ["a", "b"]}))
    (folder / "metrics.json").write_text('{"test_top1": 0.5}')
    (folder / golden.FOLDER).mkdir()
    (folder / golden.FOLDER / "0.png").write_bytes(b"photo")
    (folder / golden.FOLDER / golden.LOGITS).write_text('{"source": "x", "logits": {"0.png": [9.0, 9.0]}}')
    return folder


def test_the_digest_of_an_archive_is_that_of_its_content(tmp_path: Path) -> None:
    content = model_folder(tmp_path / "content")
    (content / "code" / "kennel").mkdir(parents=True)
    for name in ("kennel.py", "kennel/a.py", "inference.py"):
        (content / "code" / name).write_text(name)
    digest = release_archive.digest_of(content)
    (content / release_archive.RECORD).write_text(digest)
    (content / golden.FOLDER / golden.LOGITS).write_text("{}")

    assert release_archive.digest_of(content) == digest, "neither record nor golden logits are part of it"
    assert release_archive.digest_in(io.BytesIO(release_archive.pack(content))) == digest


def test_a_broken_archive_has_no_digest() -> None:
    with pytest.raises(StackError, match="not readable"):
        release_archive.digest_in(io.BytesIO(b"weights"))


def test_the_same_model_is_uploaded_once(stack: Stack, tmp_path: Path) -> None:
    first = releases.store(BUCKET, model_folder(tmp_path / "1"), "job", silent, area=releases.RELEASES)
    lines: list[str] = []
    again = releases.store(BUCKET, model_folder(tmp_path / "2"), "job", lines.append, area=releases.RELEASES)

    assert again == first
    assert lines == [f"{first.id} was packaged before, on {first.created}"]
    releases.verify(first)


def test_an_interrupted_upload_continues(stack: Stack, tmp_path: Path) -> None:
    release = releases.store(BUCKET, model_folder(tmp_path / "1"), "job", silent, area=releases.RELEASES)
    s3 = boto3.client("s3")
    archive = s3.get_object(Bucket=BUCKET, Key=f"releases/{release.id}/model.tar.gz")["Body"].read()
    s3.delete_object(Bucket=BUCKET, Key=f"releases/{release.id}/release.json")

    again = releases.store(BUCKET, model_folder(tmp_path / "2"), "job", silent, area=releases.RELEASES)

    assert releases.find(BUCKET, release.id) == again
    assert s3.get_object(Bucket=BUCKET, Key=f"releases/{release.id}/model.tar.gz")["Body"].read() == archive


def test_an_archive_with_another_content_is_not_the_release(stack: Stack, tmp_path: Path) -> None:
    release = releases.store(BUCKET, model_folder(tmp_path / "1"), "job", silent, area=releases.RELEASES)
    s3, key = boto3.client("s3"), f"releases/{release.id}/model.tar.gz"
    other = release_archive.pack(model_folder(tmp_path / "2", b"other weights"))
    s3.put_object(Bucket=BUCKET, Key=key, Body=other)
    s3.delete_object(Bucket=BUCKET, Key=f"releases/{release.id}/release.json")

    with pytest.raises(StackError, match=f"is not {release.id}"):
        releases.verify(release)
    with pytest.raises(StackError, match=f"is not {release.id}"):  # nor is it taken for an interrupted upload
        releases.store(BUCKET, model_folder(tmp_path / "3"), "job", silent, area=releases.RELEASES)


def test_an_object_is_written_once(stack: Stack) -> None:
    assert artifacts.put_once(f"s3://{BUCKET}/k", b"first")
    assert not artifacts.put_once(f"s3://{BUCKET}/k", b"second")
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"first"


class TestCandidates:
    """Of what a notebook packaged, a release is made only if it is what it should be."""

    @pytest.fixture
    def workspace(self, stack: Stack, tmp_path: Path) -> Workspace:
        return Workspace("local", tmp_path / "build")

    @pytest.fixture(autouse=True)
    def _loads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The models of these tests do not load, nor are they compared with their job's."""
        served = SimpleNamespace(logits=lambda photo: [0.5, 1.5])
        monkeypatch.setattr("kennel.serving.model.load", lambda folder: served)
        monkeypatch.setattr(candidates, "sign_again", lambda *arguments: None)

    def propose(self, workspace: Workspace, folder: Path, **files: bytes) -> releases.Release:
        content = model_folder(folder)
        staging.stage(content, classifier=True)
        for name, body in files.items():
            (content / name.replace("__", "/")).write_bytes(body)
        return releases.store(BUCKET, content, "job", silent, area=releases.CANDIDATES)

    def test_a_candidate_becomes_the_release_of_its_id(
        self, workspace: Workspace, stack: Stack, tmp_path: Path
    ) -> None:
        candidate = self.propose(workspace, tmp_path / "content")
        assert candidate.model_data_url == f"s3://{BUCKET}/candidates/{candidate.id}/model.tar.gz"
        assert releases.everything(BUCKET) == []

        release = candidates.promote(workspace, stack, candidate.id)

        assert (release.id, release.digest) == (candidate.id, candidate.digest)
        assert release.model_data_url == f"s3://{BUCKET}/releases/{candidate.id}/model.tar.gz"
        releases.verify(release)
        assert releases.everything(BUCKET) == [release]
        # The notebook's logits are not covered by the digest: the release has what its model gives here.
        assert golden.read(release.model_data_url) == [golden.GoldenPhoto("0.png", b"photo", [0.5, 1.5])]

    def test_a_candidate_that_was_changed_is_refused(
        self, workspace: Workspace, stack: Stack, tmp_path: Path
    ) -> None:
        candidate = self.propose(workspace, tmp_path / "content")
        changed = release_archive.pack(model_folder(tmp_path / "changed", b"other weights"))
        key = f"candidates/{candidate.id}/model.tar.gz"
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=changed)

        with pytest.raises(StackError, match=f"is not {candidate.id}"):
            candidates.promote(workspace, stack, candidate.id)
        assert releases.everything(BUCKET) == []

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("code__asgi.py", r"the code in r-\w+ is not that of this checkout: .* package --job job"),
            ("config.yaml", r"the code in r-\w+ is not that of this checkout"),
            ("numpy.py", r"holds numpy\.py, which no release has"),
            ("golden__numpy.py", r"holds numpy\.py, which no release has"),
        ],
    )
    def test_what_this_checkout_would_not_ship_is_refused(
        self, workspace: Workspace, stack: Stack, tmp_path: Path, name: str, message: str
    ) -> None:
        candidate = self.propose(workspace, tmp_path / "content", **{name: b"import os"})

        with pytest.raises(StackError, match=message):
            candidates.promote(workspace, stack, candidate.id)
        assert releases.everything(BUCKET) == []

    def test_other_wheels_than_the_pinned_are_refused(
        self, workspace: Workspace, stack: Stack, tmp_path: Path
    ) -> None:
        content = model_folder(tmp_path / "content")
        (content / "model.pth").unlink()
        staging.stage(content)
        vendor.add(content, silent)
        (content / "vendor" / "more.whl").write_bytes(b"x")
        candidate = releases.store(BUCKET, content, "job", silent, area=releases.CANDIDATES)

        with pytest.raises(PackagingError, match="pinned wheels"):
            candidates.promote(workspace, stack, candidate.id)

    def test_an_unknown_candidate_is_named(self, workspace: Workspace, stack: Stack) -> None:
        with pytest.raises(StackError, match=r"no release r-0123456789ab below candidates/ .* --candidates"):
            candidates.promote(workspace, stack, "r-0123456789ab")
