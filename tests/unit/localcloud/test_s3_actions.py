"""The actions, and the buckets and objects, that an S3 request requires."""

from __future__ import annotations

from typing import Any

import pytest

from kennel.localcloud.authorization.context import s3_context
from kennel.localcloud.authorization.required_permissions import required_permissions

from .conftest import request_of

OBJECT = {"Bucket": "b", "Key": "k/1"}
CASES: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("s3", "get_object", OBJECT, [("s3:GetObject", "arn:aws:s3:::b/k/1")]),
    ("s3", "get_object", {**OBJECT, "VersionId": "v"}, [("s3:GetObjectVersion", "arn:aws:s3:::b/k/1")]),
    ("s3", "head_object", {"Bucket": "b", "Key": "ü +&"}, [("s3:GetObject", "arn:aws:s3:::b/ü +&")]),
    ("s3", "head_bucket", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "list_objects_v2", {"Bucket": "b", "Prefix": "p"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "list_object_versions", {"Bucket": "b"}, [("s3:ListBucketVersions", "arn:aws:s3:::b")]),
    ("s3", "list_buckets", {}, [("s3:ListAllMyBuckets", "*")]),
    ("s3", "put_object", {**OBJECT, "Body": b"x"}, [("s3:PutObject", "arn:aws:s3:::b/k/1")]),
    (
        "s3",
        "put_object",
        {**OBJECT, "Tagging": "a=1", "ACL": "private"},
        [
            ("s3:PutObject", "arn:aws:s3:::b/k/1"),
            ("s3:PutObjectTagging", "arn:aws:s3:::b/k/1"),
            ("s3:PutObjectAcl", "arn:aws:s3:::b/k/1"),
        ],
    ),
    ("s3", "create_multipart_upload", OBJECT, [("s3:PutObject", "arn:aws:s3:::b/k/1")]),
    (
        "s3",
        "upload_part",
        {**OBJECT, "PartNumber": 1, "UploadId": "u", "Body": b"x"},
        [("s3:PutObject", "arn:aws:s3:::b/k/1")],
    ),
    (
        "s3",
        "complete_multipart_upload",
        {**OBJECT, "UploadId": "u", "MultipartUpload": {"Parts": []}},
        [("s3:PutObject", "arn:aws:s3:::b/k/1")],
    ),
    (
        "s3",
        "abort_multipart_upload",
        {**OBJECT, "UploadId": "u"},
        [("s3:AbortMultipartUpload", "arn:aws:s3:::b/k/1")],
    ),
    (
        "s3",
        "list_parts",
        {**OBJECT, "UploadId": "u"},
        [("s3:ListMultipartUploadParts", "arn:aws:s3:::b/k/1")],
    ),
    (
        "s3",
        "delete_objects",
        {"Bucket": "b", "Delete": {"Objects": [{"Key": "x"}, {"Key": "y", "VersionId": "1"}]}},
        [("s3:DeleteObject", "arn:aws:s3:::b/x"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/y")],
    ),
    (
        "s3",
        "copy_object",
        {**OBJECT, "CopySource": {"Bucket": "c", "Key": "from it", "VersionId": "1"}},
        [("s3:GetObjectVersion", "arn:aws:s3:::c/from it"), ("s3:PutObject", "arn:aws:s3:::b/k/1")],
    ),
    ("s3", "get_object_tagging", OBJECT, [("s3:GetObjectTagging", "arn:aws:s3:::b/k/1")]),
    ("s3", "get_bucket_encryption", {"Bucket": "b"}, [("s3:GetEncryptionConfiguration", "arn:aws:s3:::b")]),
    ("s3", "get_public_access_block", {"Bucket": "b"}, [("s3:GetBucketPublicAccessBlock", "arn:aws:s3:::b")]),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "expected"), CASES)
def test_a_request_requires(
    service: str, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    permissions = required_permissions(request_of(service, operation, parameters))
    assert [(permission.action, permission.resource) for permission in permissions] == expected


@pytest.mark.parametrize(
    ("operation", "parameters", "creates"),
    [
        ("put_object", {**OBJECT, "Body": b"x"}, "true"),
        ("copy_object", {**OBJECT, "CopySource": "b/j"}, "true"),
        ("complete_multipart_upload", {**OBJECT, "UploadId": "u", "MultipartUpload": {"Parts": []}}, "true"),
        ("create_multipart_upload", OBJECT, "false"),
        ("upload_part", {**OBJECT, "PartNumber": 1, "UploadId": "u", "Body": b"x"}, "false"),
        ("upload_part_copy", {**OBJECT, "PartNumber": 1, "UploadId": "u", "CopySource": "b/j"}, "false"),
        ("get_object", OBJECT, None),
    ],
)
def test_what_creates_an_object_says_so(
    operation: str, parameters: dict[str, Any], creates: str | None
) -> None:
    assert s3_context(request_of("s3", operation, parameters)).get("s3:objectcreationoperation") == creates


def test_the_condition_of_a_write_is_a_key() -> None:
    context = s3_context(request_of("s3", "put_object", {**OBJECT, "Body": b"x", "IfNoneMatch": "*"}))
    assert context["s3:if-none-match"] == "*"
