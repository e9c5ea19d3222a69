"""S3's settings of buckets and objects that are checked when they are set: locks, lifecycles, encryption."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from kennel.localcloud import lifecycle
from kennel.localcloud.connection import administer

from .conftest import ACCOUNT, Client, document, refusal

PLAIN, LOCKED = "settings-plain", "settings-locked"
PART = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def s3(client: Client) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket=PLAIN)
    s3.create_bucket(Bucket=LOCKED, ObjectLockEnabledForBucket=True)
    return s3


def test_a_lock_s_configuration_is_checked(s3: Any) -> None:
    def put(bucket: str, **retention: Any) -> tuple[int, str]:
        rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
        return refusal(s3.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=rule)

    assert put(PLAIN, Mode="GOVERNANCE", Days=1) == (409, "InvalidBucketState")
    assert put(LOCKED, Mode="GOVERNANCE", Days=0) == (400, "InvalidArgument")
    assert put(LOCKED, Mode="governance", Years=1) == (400, "MalformedXML")
    assert put(LOCKED, Mode="GOVERNANCE", Days=1, Years=1) == (400, "MalformedXML")
    suspended = {"Status": "Suspended"}
    refused = refusal(s3.put_bucket_versioning, Bucket=LOCKED, VersioningConfiguration=suspended)
    assert refused == (409, "InvalidBucketState")
    retention = {"Mode": "GOVERNANCE", "Days": 2}
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    s3.put_bucket_versioning(Bucket=PLAIN, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=PLAIN, Key="before", Body=b"")
    s3.put_object_lock_configuration(Bucket=PLAIN, ObjectLockConfiguration=rule)  # objects or not
    answer = s3.get_object_lock_configuration(Bucket=PLAIN)["ObjectLockConfiguration"]
    assert answer["Rule"]["DefaultRetention"] == retention


def test_a_retention_becomes_longer_not_shorter(s3: Any) -> None:
    now, target = datetime.now(UTC).replace(microsecond=0), {"Bucket": LOCKED, "Key": "retained"}
    version = s3.put_object(**target, Body=b"1")["VersionId"]

    def retention(mode: str, days: int) -> dict[str, Any]:
        return {"Mode": mode, "RetainUntilDate": now + timedelta(days=days)}

    put = s3.put_object_retention
    assert refusal(put, **target, Retention=retention("GOVERNANCE", -4000)) == (400, "InvalidArgument")
    assert refusal(put, **target, Retention=retention("strict", 2)) == (400, "MalformedXML")
    s3.put_object_retention(**target, Retention=retention("GOVERNANCE", 4002))
    assert refusal(put, **target, Retention=retention("GOVERNANCE", 4001)) == (403, "AccessDenied")
    assert refusal(put, **target, Retention=retention("COMPLIANCE", 4003)) == (403, "AccessDenied")
    s3.put_object_retention(**target, Retention=retention("COMPLIANCE", 4001), BypassGovernanceRetention=True)
    weaker = {"Retention": retention("GOVERNANCE", 4001), "BypassGovernanceRetention": True}
    assert refusal(put, **target, **weaker) == (403, "AccessDenied")
    s3.put_object_retention(**target, Retention=retention("COMPLIANCE", 4003))
    deletion = {**target, "VersionId": version, "BypassGovernanceRetention": True}
    assert refusal(s3.delete_object, **deletion) == (403, "AccessDenied")
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": now + timedelta(days=4000)}
    parts = {"Bucket": LOCKED, "Key": "parts"}
    upload = s3.create_multipart_upload(**parts, **lock, ObjectLockLegalHoldStatus="ON")["UploadId"]
    part = s3.upload_part(**parts, UploadId=upload, PartNumber=1, Body=b"1")
    completed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**parts, UploadId=upload, MultipartUpload=completed)
    kept = s3.get_object_retention(**parts)["Retention"]
    assert (kept["Mode"], kept["RetainUntilDate"]) == tuple(lock.values())
    assert s3.get_object_legal_hold(**parts)["LegalHold"]["Status"] == "ON"
    assert refusal(s3.put_object_legal_hold, **target, LegalHold={"Status": "abc"}) == (400, "MalformedXML")


def test_a_lifecycle_is_checked(s3: Any) -> None:
    def put(*rules: dict[str, Any]) -> tuple[int, str]:
        configuration = {"Rules": [{"Status": "Enabled", "Filter": {}, **rule} for rule in rules]}
        return refusal(
            s3.put_bucket_lifecycle_configuration, Bucket=PLAIN, LifecycleConfiguration=configuration
        )

    day = {"Expiration": {"Days": 1}}
    assert put({**day, "Status": "enabled"}) == (400, "MalformedXML")
    assert put({**day, "ID": "a" * 256}) == (400, "InvalidArgument")
    assert put({**day, "ID": "a"}, {**day, "ID": "a"}) == (400, "InvalidArgument")
    assert put({"Expiration": {"Days": 0}}) == (400, "InvalidArgument")
    assert put({"Expiration": {"Date": datetime(2030, 1, 1, 12, tzinfo=UTC)}}) == (400, "InvalidArgument")
    assert put({}) == (400, "InvalidRequest")
    rules = [{"Status": "Enabled", "Prefix": "a/", **day}]
    s3.put_bucket_lifecycle_configuration(Bucket=PLAIN, LifecycleConfiguration={"Rules": rules})
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=PLAIN)["Rules"]
    assert rule.pop("ID")
    assert rule == rules[0]


def test_a_lifecycle_is_returned_as_it_was_put(s3: Any) -> None:
    """Terraform's provider waits three minutes for the rules that it put, and for the least size."""
    tags = [{"Key": "rule", "Value": "log"}, {"Key": "autoclean", "Value": "true"}]
    sizes = {"ObjectSizeGreaterThan": 500, "ObjectSizeLessThan": 64000}
    old = {"NoncurrentDays": 90, "NewerNoncurrentVersions": 3}
    rules = [
        {"ID": "tags", "Filter": {"And": {"Prefix": "log/", "Tags": tags}}, "Expiration": {"Days": 90}},
        {"ID": "sizes", "Filter": {"And": {"Prefix": "a/", **sizes}}, "NoncurrentVersionExpiration": old},
        {
            "ID": "least",
            "Filter": {"ObjectSizeGreaterThan": 500},
            "Transitions": [{"Days": 0, "StorageClass": "INTELLIGENT_TIERING"}],
        },
    ]
    rules = [{"Status": "Enabled", **rule} for rule in rules]
    least = {"TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    put = s3.put_bucket_lifecycle_configuration
    assert put(Bucket=PLAIN, LifecycleConfiguration={"Rules": rules}, **least).items() >= least.items()
    kept = s3.get_bucket_lifecycle_configuration(Bucket=PLAIN)
    assert (kept["Rules"], kept["TransitionDefaultMinimumObjectSize"]) == (rules, *least.values())
    s3.delete_bucket_lifecycle(Bucket=PLAIN)
    missing = refusal(s3.get_bucket_lifecycle_configuration, Bucket=PLAIN)
    assert missing == (404, "NoSuchLifecycleConfiguration")


def test_an_object_says_when_it_expires(s3: Any, service: lifecycle.Status) -> None:
    bucket = "settings-expiring"
    s3.create_bucket(Bucket=bucket)
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "in/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket=bucket, Key="in/k", Body=b"")
    now = administer(lifecycle.environment(service), "clock")["time"]
    midnight = datetime.fromtimestamp((now // 86400 + 2) * 86400, UTC)
    expected = f'expiry-date="{format_datetime(midnight, usegmt=True)}", rule-id="r"'
    assert put["Expiration"] == expected
    assert s3.head_object(Bucket=bucket, Key="in/k")["Expiration"] == expected
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="out/k", Body=b"")


def test_a_call_for_an_upload_that_there_is_not_is_refused(s3: Any) -> None:
    target = {"Bucket": PLAIN, "Key": "parts", "UploadId": "none"}
    parts = {"Parts": [{"PartNumber": 1, "ETag": "x"}]}
    assert refusal(s3.complete_multipart_upload, **target, MultipartUpload=parts) == (404, "NoSuchUpload")
    for call, more in (
        (s3.upload_part, {"PartNumber": 1, "Body": b""}),
        (s3.upload_part_copy, {"PartNumber": 1, "CopySource": f"{PLAIN}/before"}),
        (s3.abort_multipart_upload, {}),
        (s3.list_parts, {}),
    ):
        assert refusal(call, **target, **more) == (404, "NoSuchUpload")
    target["UploadId"] = s3.create_multipart_upload(Bucket=PLAIN, Key="parts")["UploadId"]
    other = {**target, "Key": "other"}
    assert refusal(s3.upload_part, **other, PartNumber=1, Body=b"") == (404, "NoSuchUpload")
    assert refusal(s3.upload_part, **target, PartNumber=10_001, Body=b"") == (400, "InvalidArgument")
    s3.put_object(Bucket=PLAIN, Key="small", Body=b"12345")
    copy = {**target, "PartNumber": 1, "CopySource": f"{PLAIN}/small"}
    assert refusal(s3.upload_part_copy, **copy, CopySourceRange="bytes=0-5") == (416, "InvalidRange")
    assert refusal(s3.upload_part_copy, **copy, CopySourceRange="bytes=2") == (400, "InvalidArgument")


def test_a_part_of_an_object_is_read_by_its_number(s3: Any) -> None:
    target: dict[str, Any] = {"Bucket": "settings-parts", "Key": "parts"}
    s3.create_bucket(Bucket=target["Bucket"])
    upload = s3.create_multipart_upload(**target)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**target, UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate((b"a" * PART, b"end"), 1)
    ]
    complete = {**target, "UploadId": upload, "MultipartUpload": {"Parts": parts}}
    answer = s3.complete_multipart_upload(**complete)
    assert "VersionId" not in answer
    part = s3.get_object(**target, PartNumber=2)
    assert (part["Body"].read(), part["PartsCount"], part["ETag"]) == (b"end", 2, answer["ETag"])
    assert part["ContentRange"] == f"bytes {PART}-{PART + 2}/{PART + 3}"
    head = s3.head_object(**target, PartNumber=1)
    assert (head["ContentLength"], head["PartsCount"]) == (PART, 2)
    assert refusal(s3.get_object, **target, PartNumber=3)[0] == 416
    assert s3.complete_multipart_upload(**complete)["ETag"] == answer["ETag"]


def test_encryption_names_an_algorithm_that_there_is(s3: Any) -> None:
    put = {"Bucket": PLAIN, "Key": "k", "Body": b""}
    assert refusal(s3.put_object, **put, ServerSideEncryption="aes:kms") == (400, "InvalidArgument")
    key = {"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/any"}
    assert refusal(s3.put_object, **put, **key) == (400, "InvalidArgument")


def test_who_reads_an_object_does_not_say_how_it_is_encrypted(s3: Any, client: Client) -> None:
    target = {"Bucket": PLAIN, "Key": "encrypted"}
    s3.put_object(**target, Body=b"1", ServerSideEncryption="AES256")
    assert s3.head_object(**target)["ServerSideEncryption"] == "AES256"
    asking = client("s3", user_agent_extra="encryption")  # a client of its own
    header = {"x-amz-server-side-encryption": "AES256"}
    asking.meta.events.register("before-call.s3", lambda params, **_: params["headers"].update(header))
    assert refusal(asking.get_object, **target) == (400, "InvalidArgument")
    assert refusal(asking.head_object, **target)[0] == 400


def test_a_policy_does_not_allow_all_principals_but_some(s3: Any) -> None:
    resource = f"arn:aws:s3:::{PLAIN}/*"
    spared = {"NotPrincipal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "s3:*", "Resource": resource}
    allow, deny = (document({"Effect": effect, **spared}) for effect in ("Allow", "Deny"))
    assert refusal(s3.put_bucket_policy, Bucket=PLAIN, Policy=allow) == (400, "MalformedPolicy")
    s3.put_bucket_policy(Bucket=PLAIN, Policy=deny)
    s3.delete_bucket_policy(Bucket=PLAIN)


def test_a_version_is_read_where_versioning_is_suspended(s3: Any) -> None:
    target = {"Bucket": "settings-suspended", "Key": "k"}
    s3.create_bucket(Bucket=target["Bucket"])
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=target["Bucket"], VersioningConfiguration={"Status": status})
        version = s3.put_object(**target, Body=status.encode()).get("VersionId", "null")
        assert s3.head_object(**target, VersionId=version)["ContentLength"] == len(status)
        upload = s3.create_multipart_upload(**target)["UploadId"]
        part = s3.upload_part(**target, UploadId=upload, PartNumber=1, Body=b"1")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        completed = s3.complete_multipart_upload(**target, UploadId=upload, MultipartUpload=parts)
        assert ("VersionId" in completed) == (status == "Enabled")


def test_documents_and_headers_that_are_none_are_refused_or_ignored(s3: Any, client: Client) -> None:
    target = {"Bucket": PLAIN, "Key": "odd"}
    s3.put_object(**target, Body=b"12345", Tagging="a=b")
    s3.put_object_tagging(**target, Tagging={"TagSet": []})
    assert s3.get_object_tagging(**target)["TagSet"] == []
    assert s3.get_object(**target, Range="none")["Body"].read() == b"12345"

    entity = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    for body in ("<a/>", "<PublicAccessBlockConfiguration/>", entity):

        def replace(request: Any, body: str = body, **_: Any) -> None:
            request.data = body.encode()
            for name in [name for name in request.headers if "checksum" in name.lower()]:
                del request.headers[name]

        odd = client("s3", user_agent_extra=f"{len(body)}")  # a client of its own
        odd.meta.events.register_first("before-sign.s3.PutPublicAccessBlock", replace)
        put = {"Bucket": PLAIN, "PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}
        assert refusal(odd.put_public_access_block, **put) == (400, "MalformedXML")
