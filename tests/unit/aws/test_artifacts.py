"""Uploads send what changed, downloads appear whole."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
import pytest

from kennel.aws import StackError, artifacts, session

BUCKET = "photos"


@pytest.fixture
def bucket(moto_account: str) -> str:
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    return BUCKET


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("train/001.A/1.jpg", "train/002.B/2.jpg", "test/001.A/3.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        os.utime(path, (1_600_000_000, 1_600_000_000))
    (tmp_path / "photos" / ".DS_Store").write_bytes(b"not a photo")
    (tmp_path / "photos" / ".git").mkdir()
    (tmp_path / "photos" / ".git" / "config").write_bytes(b"not a photo")
    return tmp_path / "photos"


def test_an_empty_class_and_the_marker_of_drawn_photos_are_kept(
    bucket: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "train" / "Beagle").mkdir()
    (folder / ".sample.json").write_text("{}")

    artifacts.upload_folder(folder, bucket, "datasets/dogs", remove=True)
    again = artifacts.upload_folder(folder, bucket, "datasets/dogs", remove=True)
    target = artifacts.download_folder(f"s3://{bucket}/datasets/dogs", tmp_path / "copy")

    assert again == {"sent": 0, "unchanged": 4, "removed": 0}
    assert (target / "train" / "Beagle").is_dir()
    assert (target / ".sample.json").is_file()

    (folder / "train" / "Beagle").rmdir()
    assert artifacts.upload_folder(folder, bucket, "datasets/dogs", remove=True)["removed"] == 1


def test_second_upload_sends_nothing(bucket: str, folder: Path) -> None:
    first = artifacts.upload_folder(folder, bucket, "datasets/dogs")
    second = artifacts.upload_folder(folder, bucket, "datasets/dogs")

    assert first == {"sent": 3, "unchanged": 0, "removed": 0}
    assert second == {"sent": 0, "unchanged": 3, "removed": 0}
    assert sorted(artifacts.objects(bucket, "datasets/")) == [
        "datasets/dogs/test/001.A/3.jpg",
        "datasets/dogs/train/001.A/1.jpg",
        "datasets/dogs/train/002.B/2.jpg",
    ]


def test_changed_and_removed_files_follow(bucket: str, folder: Path) -> None:
    artifacts.upload_folder(folder, bucket, "datasets/dogs")
    (folder / "train/001.A/1.jpg").write_bytes(b"another photo")
    (folder / "train/002.B/2.jpg").unlink()

    counts = artifacts.upload_folder(folder, bucket, "datasets/dogs", remove=True)

    assert counts == {"sent": 1, "unchanged": 1, "removed": 1}
    assert "datasets/dogs/train/002.B/2.jpg" not in artifacts.objects(bucket, "datasets/")


def test_removal_keeps_to_its_prefix(bucket: str, folder: Path) -> None:
    artifacts.upload_folder(folder, bucket, "datasets/dogs-too")
    artifacts.upload_folder(folder / "train", bucket, "datasets/dogs", remove=True)

    assert len(artifacts.objects(bucket, "datasets/dogs-too/")) == 3


def test_a_failed_download_leaves_no_file(bucket: str, tmp_path: Path) -> None:
    target = tmp_path / "downloaded" / "model.tar.gz"
    target.parent.mkdir()

    with pytest.raises(Exception, match="404"):
        artifacts.download(f"s3://{bucket}/nothing", target)

    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("address", ["", "photos/key", "https://photos/key", "s3://"])
def test_only_s3_addresses_are_taken(address: str) -> None:
    with pytest.raises(StackError, match="expected s3://bucket/key"):
        artifacts.split(address)


def test_staged_source_runs_without_the_rest_of_kennel(tmp_path: Path) -> None:
    artifacts.stage_classifier(session.ROOT, tmp_path / "source", ("train.py", "print()\n"))

    staged = {path.relative_to(tmp_path / "source").parts[:2] for path in (tmp_path / "source").rglob("*.py")}

    assert staged == {
        ("train.py",),
        ("kennel", "__init__.py"),
        ("kennel", "class_names.py"),
        ("kennel", "errors.py"),
        ("kennel", "classifier"),
        ("kennel", "pictures"),
    }


def test_a_downloaded_folder_equals_the_uploaded_one_and_follows_changes(
    bucket: str, folder: Path, tmp_path: Path
) -> None:
    artifacts.upload_folder(folder, bucket, "datasets/dogs")
    lines: list[str] = []
    target = tmp_path / "fetched"

    artifacts.download_folder(f"s3://{bucket}/datasets/dogs", target, lines.append)
    assert lines[-1] == "downloaded 3/3"
    assert {path.relative_to(target): path.read_bytes() for path in target.rglob("*.jpg")} == {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.jpg")
    }

    lines.clear()
    boto3.client("s3").put_object(Bucket=bucket, Key="datasets/dogs/train/001.A/1.jpg", Body=b"another dog")
    boto3.client("s3").delete_object(Bucket=bucket, Key="datasets/dogs/train/002.B/2.jpg")
    artifacts.download_folder(f"s3://{bucket}/datasets/dogs/", target, lines.append)
    assert lines == ["downloaded 1/1"]
    assert (target / "train/001.A/1.jpg").read_bytes() == b"another dog"
    assert not (target / "train/002.B/2.jpg").exists()


def test_a_missing_prefix_and_a_key_outside_the_folder_are_refused(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="there are no objects at s3://photos/datasets/cats"):
        artifacts.download_folder("s3://photos/datasets/cats", tmp_path / "cats")
    boto3.client("s3").put_object(Bucket=bucket, Key="datasets/evil/../../../out.jpg", Body=b"x")
    with pytest.raises(StackError, match="leads outside its folder"):
        artifacts.download_folder("s3://photos/datasets/evil", tmp_path / "evil")
    assert not (tmp_path / "out.jpg").exists()
