"""Golden photos: which are taken, that they travel beside the archive, and what stands in for them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import boto3
import pytest
from PIL import Image

from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import golden
from kennel.pictures import PictureError

HOST_JOB = "kennel-local-ec2-1"


class Lengths:
    """A classifier whose logits are a photo's size; it reads what begins like a JPEG or a PNG."""

    def logits(self, picture: bytes) -> list[float]:
        if picture[:2] not in (b"\xff\xd8", b"\x89P"):
            raise PictureError("not a picture")
        return [float(len(picture)), -1.0]


def put(key: str, body: bytes) -> None:
    boto3.client("s3").put_object(Bucket="data", Key=key, Body=body)


@pytest.fixture
def job(stack: Stack) -> str:
    """Return a training on the host that learnt from the data set ``dogs``."""
    boto3.client("s3").put_object(
        Bucket="artifacts",
        Key=f"training/{HOST_JOB}/record.json",
        Body=json.dumps({"data": "s3://data/datasets/dogs/"}).encode(),
    )
    return HOST_JOB


def written(stack: Stack, job: str, folder: Path) -> tuple[dict, list[golden.GoldenPhoto], list[str]]:
    """Write and upload golden photos; return the document, what is read again, and what was reported."""
    lines: list[str] = []
    golden.write(folder, Lengths(), stack, job, lines.append)
    golden.upload(folder, "artifacts", "releases/r-1/")
    document = json.loads((folder / "golden" / "logits.json").read_text())
    return document, golden.read("s3://artifacts/releases/r-1/model.tar.gz"), lines


def test_three_validation_photos_that_lie_apart_are_taken_as_they_are(
    stack: Stack, job: str, tmp_path: Path
) -> None:
    for number in range(9):
        put(f"datasets/dogs/valid/00{number}.B/photo.jpg", b"\xff\xd8" + bytes(number))
    put("datasets/dogs/test/001.A/1.jpg", b"\xff\xd8")

    document, photos, lines = written(stack, job, tmp_path)

    assert document["source"] == "datasets/dogs/valid/"
    assert [(photo.name, photo.content) for photo in photos] == [
        ("0.jpg", b"\xff\xd8"),
        ("1.jpg", b"\xff\xd8" + bytes(4)),
        ("2.jpg", b"\xff\xd8" + bytes(8)),
    ]
    assert [photo.logits for photo in photos] == [[2.0, -1.0], [6.0, -1.0], [10.0, -1.0]]
    assert lines == []


def test_photos_that_the_function_cannot_take_are_passed_over(
    stack: Stack, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden, "LARGEST_BYTES", 100)
    put("datasets/dogs/valid/1.A/a.jpg", b"no photo at all")
    put("datasets/dogs/valid/1.A/b.JPG", b"\xff\xd8")
    put("datasets/dogs/valid/1.A/c.heic", b"\xff\xd8")
    put("datasets/dogs/valid/1.A/d.png", b"\x89P" + bytes(200))

    _, photos, _ = written(stack, job, tmp_path)

    assert [photo.name for photo in photos] == ["0.jpg"]


def test_without_photos_it_takes_test_patterns_and_says_so(stack: Stack, tmp_path: Path) -> None:
    document, photos, lines = written(stack, "imagenet", tmp_path)

    assert document["source"] == "test patterns"
    assert lines == ["no validation photo of imagenet is at hand: three test patterns are the golden photos"]
    assert len({photo.content for photo in photos}) == 3
    for photo in photos:
        assert Image.open(io.BytesIO(photo.content)).size == (64, 64)


def test_test_patterns_are_the_same_bytes_every_time(stack: Stack, tmp_path: Path) -> None:
    _, first, _ = written(stack, "imagenet", tmp_path)
    _, second, _ = written(stack, "imagenet", tmp_path)

    assert first == second


def test_a_release_of_an_earlier_version_has_none(stack: Stack) -> None:
    assert golden.read("s3://artifacts/releases/r-2/model.tar.gz") == []
