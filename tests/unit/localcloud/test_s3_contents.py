"""The contents of S3's objects are in files, which copies and completed uploads share."""

from __future__ import annotations

import errno
import gc
import pickle
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from kennel.localcloud.moto_adapter import object_contents
from kennel.localcloud.moto_adapter.object_contents import ContentFolder
from kennel.localcloud.moto_adapter.patches import core, s3

PART = 5 * 1024 * 1024


@pytest.fixture
def contents(tmp_path: Path) -> ContentFolder:
    core.apply()
    s3.apply()
    return object_contents.use_folder(tmp_path / "objects")


@pytest.fixture
def client(contents: ContentFolder) -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.create_bucket(Bucket="photos")
        yield client


def files(contents: ContentFolder) -> list[Path]:
    return [path for path in contents.path.rglob("*") if path.is_file()]


def read(client: Any, key: str, **options: Any) -> bytes:
    return client.get_object(Bucket="photos", Key=key, **options)["Body"].read()


def test_a_large_object_is_a_file_and_a_copy_shares_it(client: Any, contents: ContentFolder) -> None:
    content = b"content of a photo" * 10_000
    client.put_object(Bucket="photos", Key="photo.jpg", Body=content)
    client.copy_object(Bucket="photos", Key="copy.jpg", CopySource="photos/photo.jpg")
    (file,) = files(contents)
    assert file.read_bytes() == content
    client.delete_object(Bucket="photos", Key="photo.jpg")
    assert read(client, "copy.jpg") == content
    assert contents.unused() == []
    client.delete_object(Bucket="photos", Key="copy.jpg")
    gc.collect()
    assert contents.unused() == [file.name]
    assert file.exists()  # until a snapshot without it is on disk
    contents.remove([file.name])
    assert not files(contents)


def test_small_objects_share_files_that_become_unused_with_the_last_of_them(
    client: Any, contents: ContentFolder
) -> None:
    small = [bytes([number]) * 100_000 for number in range(12)]
    for number, content in enumerate(small):
        client.put_object(Bucket="photos", Key=f"{number}", Body=content)
    assert sorted(path.stat().st_size for path in files(contents)) == [200_000, 500_000, 500_000]
    assert [read(client, f"{number}") for number in range(12)] == small
    assert read(client, "7", Range="bytes=99999-") == b"\x07"
    for number in range(4):
        client.delete_object(Bucket="photos", Key=f"{number}")
    gc.collect()
    assert contents.unused() == []
    client.delete_object(Bucket="photos", Key="4")
    gc.collect()
    contents.remove(contents.unused())
    assert len(files(contents)) == 2
    assert [read(client, f"{number}") for number in range(5, 12)] == small[5:]


def test_of_several_small_objects_that_are_restored_one_may_go(client: Any, contents: ContentFolder) -> None:
    for number in range(3):
        client.put_object(Bucket="photos", Key=f"{number}", Body=b"%d" % number)
    # Two snapshots' parts, pickled one after the other, refer to the same file.
    keys = s3_backends["123456789012"]["aws"].buckets["photos"].keys
    pickled = [pickle.dumps(keys[f"{number}"]) for number in range(3)]
    again = object_contents.use_folder(contents.path)
    restored = [pickle.loads(key) for key in pickled]
    again.remove_unknown()
    del restored[0]
    gc.collect()
    assert again.unused() == []
    assert [key.value for key in restored] == [b"1", b"2"]
    again.write(b"more")
    assert len(files(again)) == 2


def test_a_listing_of_versions_copies_no_content(client: Any, contents: ContentFolder) -> None:
    client.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket="photos", Key="photo.jpg", Body=b"content")
    for _ in range(3):
        (listed,) = client.list_object_versions(Bucket="photos")["Versions"]
        gc.collect()  # a copy that goes must not take the content with it
    assert (listed["Size"], listed["IsLatest"]) == (7, True)
    assert read(client, "photo.jpg") == b"content"
    assert len(files(contents)) == 1


def test_an_upload_in_parts_is_completed_without_a_copy(client: Any, contents: ContentFolder) -> None:
    upload = client.create_multipart_upload(Bucket="photos", Key="archive")["UploadId"]
    target = {"Bucket": "photos", "Key": "archive", "UploadId": upload}
    bodies = [b"a" * PART, b"b" * PART, b"end"]
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(**target, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    client.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
    whole = b"".join(bodies)
    assert read(client, "archive") == whole
    assert read(client, "archive", Range=f"bytes={PART - 2}-{PART + 1}") == b"aabb"
    assert read(client, "archive", Range="bytes=-3") == b"end"
    assert len(files(contents)) == 3
    second = client.create_multipart_upload(Bucket="photos", Key="second")["UploadId"]
    target = {"Bucket": "photos", "Key": "second", "UploadId": second}
    copied = client.upload_part_copy(
        **target, PartNumber=1, CopySource="photos/archive", CopySourceRange=f"bytes=1-{PART}"
    )["CopyPartResult"]
    client.complete_multipart_upload(
        **target, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": copied["ETag"]}]}
    )
    assert read(client, "second") == whole[1 : PART + 1]
    assert len(files(contents)) == 3


def test_an_upload_whose_parts_are_not_those_is_refused(client: Any) -> None:
    upload = client.create_multipart_upload(Bucket="photos", Key="archive")["UploadId"]
    target = {"Bucket": "photos", "Key": "archive", "UploadId": upload}
    small = client.upload_part(**target, PartNumber=1, Body=b"small")["ETag"]
    last = client.upload_part(**target, PartNumber=2, Body=b"last")["ETag"]
    for parts, code in (
        ([{"PartNumber": 1, "ETag": last}], "InvalidPart"),
        ([{"PartNumber": 1, "ETag": small}, {"PartNumber": 2, "ETag": last}], "EntityTooSmall"),
    ):
        with pytest.raises(client.exceptions.ClientError, match=code):
            client.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})


def test_a_pickled_object_refers_to_its_file(client: Any, contents: ContentFolder) -> None:
    client.put_object(Bucket="photos", Key="photo.jpg", Body=b"content of a photo")
    client.put_object(Bucket="photos", Key="empty", Body=b"")
    backend = s3_backends["123456789012"]["aws"]
    pickled = pickle.dumps(backend)
    assert b"content of a photo" not in pickled
    contents.write(b"after the snapshot")
    again = object_contents.use_folder(contents.path)
    restored = pickle.loads(pickled)
    again.remove_unknown()
    keys = restored.buckets["photos"].keys
    assert (keys["photo.jpg"].value, keys["empty"].value) == (b"content of a photo", b"")
    assert len(files(again)) == 1
    assert again.missing == []
    for file in files(again):
        file.unlink()
    object_contents.use_folder(contents.path)
    pickle.loads(pickled)
    assert len(object_contents._folder().missing) == 1


@pytest.mark.parametrize("size", [object_contents.SMALL, object_contents.SMALL + 1])
def test_a_write_that_fails_leaves_nothing(contents: ContentFolder, size: int) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="objects/") as failed:
            contents.write(b"x" * size)
        assert failed.value.errno == errno.EFBIG
        assert not files(contents)
        kept = contents.write(b"kept")
        with pytest.raises(OSError, match="objects/"):
            contents.write(b"x" * size)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.read_bytes() for path in files(contents)] == [b"kept"]
    assert bytes(object_contents.StoredView((kept, contents.write(b" too")))) == b"kept too"
