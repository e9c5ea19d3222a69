"""S3's listings over the wire: pages of objects, versions and buckets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import Client, refusal

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


def test_a_page_has_a_thousand_keys_at_most(s3: Any, client: Client) -> None:
    bucket = "listings-large"
    s3.create_bucket(Bucket=bucket)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"{n:04}", Body=b""), range(1001)))
    page = s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"]) == (1000, 1000, True)
    assert [each["Key"] for each in s3.list_objects(Bucket=bucket, Marker="0999")["Contents"]] == ["1000"]


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
