"""S3's listings over the wire: pages of objects, versions and buckets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from .conftest import Client, refusal, statement

BUCKET = "listings"
KEYS = ["asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla", "foo+1 ü"]


@pytest.fixture(scope="module")
def s3(client: Client) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for key in KEYS:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    return s3


def test_objects_and_prefixes_share_pages_in_order(s3: Any) -> None:
    pages, marker = [], ""
    while True:
        page = s3.list_objects(Bucket=BUCKET, Delimiter="/", MaxKeys=1, Marker=marker)
        pages += [each["Key"] for each in page.get("Contents", [])]
        pages += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            break
        marker = page["NextMarker"]
    assert pages == ["asdf", "boo/", "cquux/", "foo+1 ü"]

    pages = list(
        s3.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Delimiter="/", PaginationConfig={"PageSize": 1}
        )
    )
    assert [page["KeyCount"] for page in pages] == [1, 1, 1, 1]
    encoded = s3.list_objects(Bucket=BUCKET, Prefix="foo", EncodingType="url")["Contents"][0]["Key"]
    assert encoded == "foo%2B1%20%C3%BC"


def test_a_request_for_a_listing_is_checked(s3: Any) -> None:
    assert refusal(s3.list_objects_v2, Bucket=BUCKET, ContinuationToken="?") == (400, "InvalidArgument")
    assert refusal(s3.list_objects, Bucket=BUCKET, MaxKeys=-1) == (400, "InvalidArgument")
    assert refusal(s3.list_objects, Bucket="no-such-bucket-here") == (404, "NoSuchBucket")
    other = refusal(s3.list_objects, Bucket=BUCKET, ExpectedBucketOwner="111122223333")
    assert other == (403, "AccessDenied")


def test_a_bucket_with_many_versions_can_be_emptied_page_by_page(s3: Any) -> None:
    bucket = "listings-versions"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in "abc":
        for _ in range(2):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="b")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    versions = [
        (each["Key"], each["VersionId"])
        for page in pages
        for each in page.get("DeleteMarkers", []) + page.get("Versions", [])
    ]
    assert [key for key, _ in versions] == ["a", "a", "b", "b", "b", "c", "c"]
    assert len(set(versions)) == len(versions)
    for key, version in versions:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    s3.delete_bucket(Bucket=bucket)


def test_a_page_is_of_a_thousand_keys_at_most(s3: Any) -> None:
    # That a page ends at this number: tests/unit/localcloud/test_s3_listing.py
    for listing in (s3.list_objects, s3.list_objects_v2):
        assert (listing(Bucket=BUCKET, MaxKeys=5000)["MaxKeys"], listing(Bucket=BUCKET)["MaxKeys"]) == (
            1000,
            1000,
        )
    assert s3.list_object_versions(Bucket=BUCKET, MaxKeys=5000)["MaxKeys"] == 1000


def test_buckets_are_listed_in_pages(s3: Any) -> None:
    for letter in "ab":
        s3.create_bucket(Bucket=f"listings-of-{letter}")
    first = s3.list_buckets(Prefix="listings-of-", MaxBuckets=1)
    assert [each["Name"] for each in first["Buckets"]] == ["listings-of-a"]
    token = first["ContinuationToken"]
    rest = s3.list_buckets(Prefix="listings-of-", MaxBuckets=1, ContinuationToken=token)
    assert [each["BucketRegion"] for each in rest["Buckets"]] == ["us-east-1"]
    assert "ContinuationToken" not in rest


def test_versions_stay_where_versioning_is_suspended(s3: Any) -> None:
    bucket, target = "listings-suspended", {"Bucket": "listings-suspended", "Key": "k"}
    s3.create_bucket(Bucket=bucket)

    def version(status: str) -> None:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    version("Enabled")
    first = s3.put_object(**target, Body=b"1")["VersionId"]
    version("Suspended")
    s3.put_object(**target, Body=b"2")
    s3.put_object(**target, Body=b"3")
    kept = [each["VersionId"] for each in s3.list_object_versions(Bucket=bucket)["Versions"]]
    assert kept == ["null", first]
    deleted = s3.delete_object(**target)
    assert (deleted["DeleteMarker"], deleted["VersionId"]) == (True, "null")
    listed = s3.list_object_versions(Bucket=bucket)
    assert [each["VersionId"] for each in listed["Versions"]] == [first]
    assert [each["VersionId"] for each in listed["DeleteMarkers"]] == ["null"]
    assert s3.get_object(**target, VersionId=first)["Body"].read() == b"1"
    assert s3.delete_object(**target, VersionId="null")["DeleteMarker"] is True
    assert s3.get_object(**target)["Body"].read() == b"1"


def test_uploads_are_listed_with_who_began_them_and_in_pages(s3: Any, client: Client, role: Any) -> None:
    target = {"Bucket": "listings-uploads"}
    s3.create_bucket(**target)
    keys = role("lists-uploads", statement("s3:*", "arn:aws:s3:::listings-uploads*"))
    theirs = client("s3", keys)
    before = datetime.now(UTC).replace(microsecond=0)
    ids = [
        uploader.create_multipart_upload(**target, Key=key)["UploadId"]
        for uploader, key in ((s3, "a/1"), (theirs, "a/1"), (s3, "a/2"), (s3, "b"))
    ]
    pages, marker = [], {}
    while True:
        page = s3.list_multipart_uploads(**target, MaxUploads=1, **marker)
        pages += [(each["Key"], each["UploadId"]) for each in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert pages == list(zip(("a/1", "a/1", "a/2", "b"), ids, strict=True))
    page = s3.list_multipart_uploads(**target, Delimiter="/")
    assert [each["Key"] for each in page["Uploads"]] == ["b"]
    assert page["CommonPrefixes"] == [{"Prefix": "a/"}]
    first, second = s3.list_multipart_uploads(**target, Prefix="a/1")["Uploads"]
    assert first["Initiated"] >= before
    assert first["Initiator"] == first["Owner"]
    assert "assumed-role/lists-uploads" in second["Initiator"]["ID"]
    s3.abort_multipart_upload(**target, Key="b", UploadId=ids[-1])
    assert len(s3.list_multipart_uploads(**target)["Uploads"]) == 3


def test_names_that_s3_does_not_take_are_refused(s3: Any) -> None:
    for name in ("Upper", "a_b", "a..b", "-ab", "ab-", "192.168.5.4", "xn--a", "a-s3alias"):
        assert refusal(s3.create_bucket, Bucket=name) == (400, "InvalidBucketName")
    long = {"Bucket": BUCKET, "Key": "k" * 1025}
    assert refusal(s3.put_object, **long, Body=b"") == (400, "KeyTooLongError")
    assert refusal(s3.create_multipart_upload, **long) == (400, "KeyTooLongError")
