"""Replication of S3: objects, tags, lists and delete markers reach other buckets with the role's rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import ACCOUNT, Client, document, refusal, statement

SOURCE, TARGET, OTHER = "replicated", "replicas", "replicas-other"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/replicates"
TRUST = document(
    {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
)
READS = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
WRITES = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]


@pytest.fixture(scope="module")
def s3(client: Client) -> Iterator[Any]:
    s3, iam = client("s3"), client("iam")
    for bucket in (SOURCE, TARGET, OTHER):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    iam.create_role(RoleName="replicates", AssumeRolePolicyDocument=TRUST)
    policy = document(
        statement(["s3:GetReplicationConfiguration", "s3:ListBucket"], f"arn:aws:s3:::{SOURCE}"),
        statement(READS, f"arn:aws:s3:::{SOURCE}/*"),
        statement(WRITES, f"arn:aws:s3:::{TARGET}/*"),
    )
    iam.put_role_policy(RoleName="replicates", PolicyName="inline", PolicyDocument=policy)
    return s3


def rule(prefix: str = "", target: str = TARGET, markers: str = "Disabled", **more: Any) -> dict[str, Any]:
    return {
        "ID": f"{prefix}to-{target}",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "DeleteMarkerReplication": {"Status": markers},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
        **more,
    }


def configure(s3: Any, *rules: dict[str, Any]) -> dict[str, Any]:
    configuration = {"Role": ROLE, "Rules": list(rules)}
    s3.put_bucket_replication(Bucket=SOURCE, ReplicationConfiguration=configuration)
    return configuration


def status(s3: Any, bucket: str, key: str, **more: str) -> str | None:
    answer: str | None = s3.head_object(Bucket=bucket, Key=key, **more).get("ReplicationStatus")
    return answer


def test_a_configuration_comes_back_as_it_was_set(s3: Any) -> None:
    tags = {"And": {"Prefix": "a", "Tags": [{"Key": "x", "Value": "y"}]}}
    destination = {"Bucket": f"arn:aws:s3:::{TARGET}", "StorageClass": "STANDARD_IA"}
    configuration = configure(
        s3, rule("p/", markers="Enabled"), {**rule(), "Filter": tags, "Destination": destination}
    )
    assert s3.get_bucket_replication(Bucket=SOURCE)["ReplicationConfiguration"] == configuration


def test_objects_are_replicated_with_what_belongs_to_them(s3: Any) -> None:
    destination = {"Bucket": f"arn:aws:s3:::{TARGET}", "StorageClass": "STANDARD_IA"}
    configure(s3, {**rule("p/"), "Destination": destination})
    more = {"Metadata": {"m": "1"}, "Tagging": "t=1", "ContentType": "text/x-a", "ACL": "public-read"}
    version = s3.put_object(Bucket=SOURCE, Key="p/k", Body=b"content", **more)["VersionId"]
    s3.put_object(Bucket=SOURCE, Key="q/k", Body=b"not chosen")
    replica = s3.get_object(Bucket=TARGET, Key="p/k")
    assert (replica["Body"].read(), replica["VersionId"], replica["Metadata"]) == (
        b"content",
        version,
        {"m": "1"},
    )
    assert (replica["ContentType"], replica["StorageClass"]) == ("text/x-a", "STANDARD_IA")
    assert replica["ReplicationStatus"] == "REPLICA"
    assert status(s3, SOURCE, "p/k") == "COMPLETED"
    assert s3.get_object_tagging(Bucket=TARGET, Key="p/k")["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert len(s3.get_object_acl(Bucket=TARGET, Key="p/k")["Grants"]) == 2
    assert status(s3, SOURCE, "q/k") is None
    assert refusal(s3.head_object, Bucket=TARGET, Key="q/k")[0] == 404
    s3.put_object_tagging(Bucket=SOURCE, Key="p/k", Tagging={"TagSet": [{"Key": "t", "Value": "2"}]})
    assert s3.get_object_tagging(Bucket=TARGET, Key="p/k")["TagSet"] == [{"Key": "t", "Value": "2"}]
    s3.put_object_acl(Bucket=SOURCE, Key="p/k", ACL="private")
    assert len(s3.get_object_acl(Bucket=TARGET, Key="p/k")["Grants"]) == 1
    s3.put_object_tagging(Bucket=TARGET, Key="p/k", Tagging={"TagSet": []})
    assert s3.get_object_tagging(Bucket=SOURCE, Key="p/k")["TagSet"] == [{"Key": "t", "Value": "2"}]
    s3.copy_object(Bucket=SOURCE, Key="p/copied", CopySource=f"{SOURCE}/q/k")
    assert s3.get_object(Bucket=TARGET, Key="p/copied")["Body"].read() == b"not chosen"
    upload = s3.create_multipart_upload(Bucket=SOURCE, Key="p/parts")["UploadId"]
    target = {"Bucket": SOURCE, "Key": "p/parts", "UploadId": upload}
    part = {"PartNumber": 1, "ETag": s3.upload_part(**target, PartNumber=1, Body=b"part")["ETag"]}
    s3.complete_multipart_upload(**target, MultipartUpload={"Parts": [part]})
    shown = [s3.head_object(Bucket=bucket, Key="p/parts")["ETag"] for bucket in (SOURCE, TARGET)]
    assert shown[0] == shown[1]


def test_delete_markers_are_replicated_where_they_are_to_be_and_deletions_never(s3: Any) -> None:
    configure(s3, rule("with/", markers="Enabled"), rule("without/"))
    for prefix in ("with/", "without/"):
        version = s3.put_object(Bucket=SOURCE, Key=f"{prefix}k", Body=b"1")["VersionId"]
        s3.delete_objects(Bucket=SOURCE, Delete={"Objects": [{"Key": f"{prefix}k"}]})
        s3.delete_object(Bucket=SOURCE, Key=f"{prefix}k", VersionId=version)
        assert s3.get_object(Bucket=TARGET, Key=f"{prefix}k", VersionId=version)["Body"].read() == b"1"
    assert refusal(s3.get_object, Bucket=TARGET, Key="with/k") == (404, "NoSuchKey")
    assert s3.get_object(Bucket=TARGET, Key="without/k")["Body"].read() == b"1"


def test_what_the_role_may_not_do_fails(s3: Any, client: Client) -> None:
    configure(s3, rule("denied/", OTHER))
    s3.put_object(Bucket=SOURCE, Key="denied/k", Body=b"1")
    assert status(s3, SOURCE, "denied/k") == "FAILED"
    assert refusal(s3.head_object, Bucket=OTHER, Key="denied/k")[0] == 404
    keys = client("kms")
    key = keys.create_key()["KeyMetadata"]["Arn"]
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    configure(s3, rule("kms/"))
    s3.put_object(Bucket=SOURCE, Key="kms/plain-rule", Body=b"1", **encrypted)
    assert status(s3, SOURCE, "kms/plain-rule") is None
    chosen = {"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}}}
    destination = {"Bucket": f"arn:aws:s3:::{TARGET}", "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}
    configure(s3, {**rule("kms/", **chosen), "Destination": destination})
    s3.put_object(Bucket=SOURCE, Key="kms/denied", Body=b"1", **encrypted)
    assert status(s3, SOURCE, "kms/denied") == "FAILED"
    grant = document(statement(["kms:Decrypt", "kms:Encrypt"], key))
    client("iam").put_role_policy(RoleName="replicates", PolicyName="key", PolicyDocument=grant)
    s3.put_object(Bucket=SOURCE, Key="kms/k", Body=b"1", **encrypted)
    assert s3.head_object(Bucket=TARGET, Key="kms/k")["SSEKMSKeyId"] == key


def test_a_configuration_is_checked(s3: Any) -> None:
    def put(**changed: Any) -> tuple[int, str]:
        configuration = {"Role": ROLE, "Rules": [{**rule(), **changed}]}
        return refusal(s3.put_bucket_replication, Bucket=SOURCE, ReplicationConfiguration=configuration)

    s3.create_bucket(Bucket="replicas-unversioned")
    for name in ("replicas-none", "replicas-unversioned", SOURCE):
        assert put(Destination={"Bucket": f"arn:aws:s3:::{name}"}) == (400, "InvalidRequest")
    destination = {"Bucket": f"arn:aws:s3:::{TARGET}"}
    assert put(Destination={**destination, "Account": "210987654321"}) == (501, "NotImplemented")
    assert put(ExistingObjectReplication={"Status": "Enabled"}) == (501, "NotImplemented")
    tagged = {"Tag": {"Key": "a", "Value": "b"}}
    assert put(Filter=tagged, DeleteMarkerReplication={"Status": "Enabled"}) == (400, "InvalidRequest")
    assert put(SourceSelectionCriteria={"SseKmsEncryptedObjects": {"Status": "Enabled"}})[0] == 400
    s3.delete_bucket_replication(Bucket=SOURCE)
    absent = refusal(s3.get_bucket_replication, Bucket=SOURCE)
    assert absent == (404, "ReplicationConfigurationNotFoundError")
    s3.put_object(Bucket=SOURCE, Key="later", Body=b"1")
    assert refusal(s3.head_object, Bucket=TARGET, Key="later")[0] == 404
