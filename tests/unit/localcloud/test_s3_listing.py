"""Listing the versions in a bucket must not copy their content."""

from __future__ import annotations

import gc

import boto3
from moto import mock_aws
from moto.s3.models import FakeKey

from kennel.localcloud.moto_adapter.patches import s3


@mock_aws
def test_a_listing_leaves_no_copies_behind() -> None:
    s3.apply()
    client = boto3.client("s3", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    client.create_bucket(Bucket="photos")
    client.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket="photos", Key="photo.jpg", Body=b"content")
    before = len(FakeKey.instances_tracked)
    for _ in range(3):
        (listed,) = client.list_object_versions(Bucket="photos")["Versions"]
        gc.collect()  # a copy that goes must not take the content with it
    assert len(FakeKey.instances_tracked) == before
    assert (listed["Size"], listed["IsLatest"]) == (7, True)
    assert client.get_object(Bucket="photos", Key="photo.jpg")["Body"].read() == b"content"
