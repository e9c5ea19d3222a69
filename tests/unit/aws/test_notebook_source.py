"""What the notebook instance downloads: code, outputs of the stack, environment; and its photos."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from kennel.aws import StackError, artifacts
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import bundle, notebook_source

ROOT = Path(__file__).resolve().parents[3]
STACK = Stack(
    {
        "name": "kennel-dev",
        "artifact_bucket": "models",
        "data_bucket": "photos",
        "notebook_prefix": "notebook/",
    }
)


@pytest.fixture(autouse=True)
def buckets(moto_account: str) -> None:
    for bucket in ("models", "photos"):
        boto3.client("s3").create_bucket(Bucket=bucket)


def test_the_stack_is_read_as_it_was_published(tmp_path: Path) -> None:
    published = notebook_source.publish(ROOT, STACK)

    assert notebook_source.published_stack("models") == Stack(STACK.outputs, uploads="notebook/")
    archive = artifacts.download(str(published["uri"]), tmp_path / "kennel.tar.gz")
    assert archive.read_bytes() == bundle.pack(ROOT)
    assert published["environment"] is None


def test_a_packed_environment_is_published_too(tmp_path: Path) -> None:
    packed = tmp_path / "environment.tar.gz"
    packed.write_bytes(b"packed")
    notebook_source.publish(ROOT, STACK, packed)
    assert artifacts.objects("models", "source/environment.tar.gz")
    with pytest.raises(StackError, match=r"no environment at nowhere\.tar\.gz"):
        notebook_source.publish(ROOT, STACK, Path("nowhere.tar.gz"))


def test_without_a_published_stack_the_error_names_the_task() -> None:
    with pytest.raises(StackError, match=r"nothing is published in models: run \./kennel notebook\.publish"):
        notebook_source.published_stack("models")


def test_photos_are_listed_by_split_and_class() -> None:
    keys = ("train/1.A/b.jpg", "train/1.A/a.jpg", "test/2.B/c.jpg", "nested/valid/2.B/d.jpg", "readme.txt")
    for key in keys:
        boto3.client("s3").put_object(Bucket="photos", Key=f"datasets/dogs/{key}", Body=b"x")

    assert notebook_source.photos(STACK, "dogs") == {
        "train": {"1.A": [f"s3://photos/datasets/dogs/train/1.A/{name}.jpg" for name in "ab"]},
        "test": {"2.B": ["s3://photos/datasets/dogs/test/2.B/c.jpg"]},
        "valid": {"2.B": ["s3://photos/datasets/dogs/nested/valid/2.B/d.jpg"]},
    }
    with pytest.raises(StackError, match="no data set 'cats'"):
        notebook_source.photos(STACK, "cats")
