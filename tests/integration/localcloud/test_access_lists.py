"""S3's access control lists, blocks of public access and ownership, as callers meet them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from .conftest import Client, document

BUCKET = "access-lists"
OBJECT = {"Bucket": BUCKET, "Key": "k"}
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture(scope="module")
def s3(client: Client) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(**OBJECT, Body=b"1")
    return s3


@pytest.fixture(scope="module")
def anonymous(service: Any) -> Any:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    return boto3.client("s3", endpoint_url=service.endpoint_url, region_name="us-east-1", config=config)


def code(call: Callable[..., Any], **parameters: Any) -> str:
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def test_a_list_grants_reading_and_writing_to_everybody(s3: Any, anonymous: Any) -> None:
    assert code(anonymous.get_object, **OBJECT) == "AccessDenied"
    s3.put_object_acl(**OBJECT, ACL="public-read")
    assert anonymous.get_object(**OBJECT)["Body"].read() == b"1"
    assert code(anonymous.list_objects_v2, Bucket=BUCKET) == "AccessDenied"

    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
    assert anonymous.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    anonymous.put_object(Bucket=BUCKET, Key="theirs", Body=b"2", ACL="public-read")
    assert anonymous.get_object(Bucket=BUCKET, Key="theirs")["Body"].read() == b"2"
    assert code(anonymous.get_object, Bucket=BUCKET, Key="absent") == "NoSuchKey"
    s3.put_object(Bucket=BUCKET, Key="mine", Body=b"3")
    assert code(anonymous.get_object, Bucket=BUCKET, Key="mine") == "AccessDenied"  # not the bucket's list
    assert code(anonymous.get_bucket_acl, Bucket=BUCKET) == "AccessDenied"
    s3.put_bucket_acl(Bucket=BUCKET, ACL="private")
    assert code(anonymous.put_object, Bucket=BUCKET, Key="theirs", Body=b"") == "AccessDenied"


def test_a_list_is_that_of_a_version_and_as_its_document_says(s3: Any, anonymous: Any) -> None:
    bucket = "access-lists-versions"
    s3.create_bucket(Bucket=bucket, ACL="public-read")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    target = {"Bucket": bucket, "Key": "k"}
    first, last = (s3.put_object(**target, Body=body)["VersionId"] for body in (b"1", b"2"))
    s3.put_object_acl(**target, VersionId=first, ACL="public-read")
    assert anonymous.get_object(**target, VersionId=first)["Body"].read() == b"1"
    assert code(anonymous.get_object, **target) == "AccessDenied"
    assert code(s3.put_object_acl, **target, VersionId="none", ACL="private") == "NoSuchVersion"
    shown = s3.get_object_acl(**target, VersionId=last)
    policy = {"Owner": shown["Owner"], "Grants": shown["Grants"]}  # not the bucket's, which is public
    s3.put_object_acl(**target, AccessControlPolicy=policy)
    assert code(anonymous.get_object, **target) == "AccessDenied"
    everybody = {"Grantee": {"Type": "Group", "URI": EVERYBODY}, "Permission": "READ"}
    s3.put_object_acl(**target, AccessControlPolicy={**policy, "Grants": [*policy["Grants"], everybody]})
    assert anonymous.get_object(**target)["Body"].read() == b"2"
    assert s3.get_object_acl(**target)["Grants"] == [*policy["Grants"], everybody]
    owner = shown["Owner"]["ID"]
    s3.put_object_acl(**target, GrantRead=f'uri="{EVERYBODY}"', GrantFullControl=f'id="{owner}"')
    assert {grant["Permission"] for grant in s3.get_object_acl(**target)["Grants"]} == {
        "READ",
        "FULL_CONTROL",
    }


def test_a_role_is_an_authenticated_user(
    s3: Any, client: Client, role: Callable[..., dict[str, str]], anonymous: Any
) -> None:
    s3.put_object(Bucket=BUCKET, Key="known", Body=b"1", ACL="authenticated-read")
    theirs = client("s3", role("access-lists-reader"))
    assert theirs.get_object(Bucket=BUCKET, Key="known")["Body"].read() == b"1"
    assert code(anonymous.get_object, Bucket=BUCKET, Key="known") == "AccessDenied"


def test_a_block_of_public_access_ignores_and_refuses_lists_and_policies(s3: Any, anonymous: Any) -> None:
    bucket = "access-lists-blocked"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ACL="public-read")

    def block(*names: str) -> None:
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(names, True))

    block("IgnorePublicAcls")
    assert code(anonymous.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    block("BlockPublicAcls")
    assert code(anonymous.get_object, Bucket=bucket, Key="k") == "done"
    assert code(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessDenied"
    grant = f'uri="{EVERYBODY}"'
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"", GrantRead=grant) == "AccessDenied"
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"", ACL="private") == "done"
    allow = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    block("BlockPublicPolicy")
    assert code(s3.put_bucket_policy, Bucket=bucket, Policy=document(allow)) == "AccessDenied"


def test_a_bucket_whose_owner_owns_everything_has_no_lists(s3: Any, anonymous: Any) -> None:
    bucket = "access-lists-enforced"
    s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerEnforced")
    assert code(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessControlListNotSupported"
    put = {"Bucket": bucket, "Key": "k", "Body": b""}
    assert code(s3.put_object, **put, ACL="public-read") == "AccessControlListNotSupported"
    assert code(s3.put_object, **put, ACL="bucket-owner-full-control") == "done"
    refused = code(
        s3.create_bucket, Bucket="access-lists-both", ACL="private", ObjectOwnership="BucketOwnerEnforced"
    )
    assert refused == "InvalidBucketAclWithObjectOwnership"
    rules = {"Rules": [{"ObjectOwnership": "Somebody"}]}
    assert code(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls=rules) != "done"
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    shared = {"Bucket": "access-lists-shared"}
    s3.create_bucket(**shared, ACL="public-read")
    refused = code(s3.put_bucket_ownership_controls, **shared, OwnershipControls=rules)
    assert refused == "InvalidBucketAclWithObjectOwnership"


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        ({"ACL": "public"}, "InvalidArgument"),
        ({"GrantRead": 'id="_nobody"'}, "InvalidArgument"),
        ({"GrantRead": 'emailAddress="a@example.com"'}, "UnresolvableGrantByEmailAddress"),
        ({"GrantRead": "somebody"}, "InvalidArgument"),
        ({"GrantRead": 'uri="http://example.com"'}, "InvalidArgument"),
    ],
)
def test_a_list_names_what_exists(s3: Any, grant: dict[str, str], expected: str) -> None:
    assert code(s3.put_bucket_acl, Bucket=BUCKET, **grant) == expected


def test_an_error_has_the_id_that_its_body_has(s3: Any, anonymous: Any) -> None:
    for call in (anonymous.get_object, s3.get_object):
        with pytest.raises(ClientError) as caught:
            call(Bucket=BUCKET, Key="absent")
        metadata = caught.value.response["ResponseMetadata"]
        assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amz-request-id"]
