"""Encryption with customers' keys (SSE-C): what was written with a key is read with the same key only."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from kennel.localcloud import AUDIT_LOG, lifecycle
from kennel.localcloud.connection import administer

from .conftest import ACCOUNT, Client, document, read_audit_log, refusal, statement

PART = 5 * 1024 * 1024


def with_key(secret: bytes, prefix: str = "") -> dict[str, Any]:
    """Return what boto3 sends a key with; it adds the MD5 itself."""
    return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": secret}


def md5(secret: bytes) -> str:
    return base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()


def as_sent(secret: bytes, digest: str) -> dict[str, Any]:
    """Return a key as headers have it, with any MD5."""
    text = base64.b64encode(secret).decode()
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": text, "SSECustomerKeyMD5": digest}


ONE, OTHER = os.urandom(32), os.urandom(32)
SHOWN = {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": md5(ONE)}


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name.startswith(("SSE", "ServerSide"))}


def failure(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def allow(s3: Any, bucket: str, kind: str = "NONE", **rule: Any) -> None:
    """Let a bucket block nothing, or a kind of encryption."""
    rule |= {"BlockedEncryptionTypes": {"EncryptionType": [kind]}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


@pytest.fixture
def bucket(client: Client) -> str:
    name = f"customer-keys-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=name)
    allow(client("s3"), name)
    return name


def test_an_object_is_read_with_the_key_that_it_was_written_with(client: Client, bucket: str) -> None:
    s3, target = client("s3"), {"Bucket": bucket, "Key": "k"}
    assert shown(s3.put_object(**target, Body=b"secret", **with_key(ONE))) == SHOWN
    read = s3.get_object(**target, **with_key(ONE))
    assert (read["Body"].read(), shown(read)) == (b"secret", SHOWN)
    assert shown(s3.head_object(**target, **with_key(ONE))) == SHOWN
    sizes = {**target, "ObjectAttributes": ["ObjectSize"]}
    assert s3.get_object_attributes(**sizes, **as_sent(ONE, md5(ONE)))["ObjectSize"] == 6
    assert s3.get_object(**target, Range="bytes=0-1", **with_key(ONE))["Body"].read() == b"se"
    code, message = failure(s3.get_object, **target)
    assert (code, "was stored using a form of Server Side Encryption" in message) == ("InvalidRequest", True)
    assert refusal(s3.get_object, **target, **with_key(OTHER)) == (403, "AccessDenied")
    assert refusal(s3.get_object_attributes, **sizes) == (400, "InvalidRequest")
    assert refusal(s3.head_object, **target) == (400, "400")
    assert refusal(s3.head_object, **target, **with_key(OTHER)) == (403, "403")
    missing = {"Bucket": bucket, "Key": "missing", **with_key(ONE)}
    assert refusal(s3.get_object, **missing) == (404, "NoSuchKey")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]
    assert "ServerSideEncryption" not in s3.head_object(**target, **with_key(ONE))

    s3.put_object(**target, Body=b"open")  # a new object has what its own request asks for
    assert s3.get_object(**target)["Body"].read() == b"open"
    code, message = failure(s3.get_object, **target, **with_key(ONE))
    assert (code, message) == (
        "InvalidRequest",
        "The encryption parameters are not applicable to this object.",
    )


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        ({"SSECustomerKey": ONE}, "InvalidArgument", "must provide a valid encryption algorithm"),
        (
            {"SSECustomerAlgorithm": "AES256"},
            "InvalidArgument",
            "must provide an appropriate secret key",
        ),
        (
            {**with_key(ONE), "SSECustomerAlgorithm": "AES128"},
            "InvalidEncryptionAlgorithmError",
            "The valid value is AES256",
        ),
        (with_key(b"short"), "InvalidArgument", "secret key was invalid for the specified algorithm"),
        (as_sent(ONE, md5(OTHER)), "InvalidArgument", "did not match the hash"),
        (
            {**with_key(ONE), "ServerSideEncryption": "AES256"},
            "InvalidArgument",
            "is incompatible with the encryption method specified",
        ),
    ],
)
def test_a_key_that_is_none_is_refused_and_nothing_is_written(
    client: Client, bucket: str, sent: dict[str, Any], code: str, message: str
) -> None:
    s3, target = client("s3"), {"Bucket": bucket, "Key": "k"}
    for call, more in ((s3.put_object, {"Body": b"x"}), (s3.create_multipart_upload, {})):
        got = failure(call, **target, **more, **sent)
        assert (got[0], message in got[1]) == (code, True), got
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_copies_need_the_key_of_their_source_and_have_their_own(client: Client, bucket: str) -> None:
    s3, source = client("s3"), {"Bucket": bucket, "Key": "source"}
    s3.put_object(**source, Body=b"secret", **with_key(ONE))
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": source}
    assert refusal(s3.copy_object, **copy) == (400, "InvalidRequest")
    assert refusal(s3.copy_object, **copy, **with_key(OTHER, "CopySource")) == (403, "AccessDenied")
    assert refusal(s3.head_object, Bucket=bucket, Key="copy")[0] == 404
    answer = s3.copy_object(**copy, **with_key(ONE, "CopySource"), **with_key(OTHER))
    assert shown(answer) == {**SHOWN, "SSECustomerKeyMD5": md5(OTHER)}
    assert refusal(s3.get_object, Bucket=bucket, Key="copy", **with_key(ONE)) == (403, "AccessDenied")
    assert s3.get_object(Bucket=bucket, Key="copy", **with_key(OTHER))["Body"].read() == b"secret"
    s3.copy_object(**copy, **with_key(ONE, "CopySource"))  # and one without
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"secret"
    s3.copy_object(**source, CopySource=source, **with_key(ONE, "CopySource"), **with_key(OTHER))  # another
    assert refusal(s3.get_object, **source, **with_key(ONE)) == (403, "AccessDenied")
    assert s3.get_object(**source, **with_key(OTHER))["Body"].read() == b"secret"


def test_every_part_of_an_upload_needs_its_key(client: Client, bucket: str) -> None:
    s3, target = client("s3"), {"Bucket": bucket, "Key": "parts"}
    s3.put_object(Bucket=bucket, Key="source", Body=b"b" * 10, **with_key(OTHER))
    begun = s3.create_multipart_upload(**target, **with_key(ONE))
    assert shown(begun) == SHOWN
    upload = {**target, "UploadId": begun["UploadId"]}
    part = {**upload, "PartNumber": 1, "Body": b"a" * PART}
    assert "initiate requested encryption" in failure(s3.upload_part, **part)[1]
    assert "did not match the ones used" in failure(s3.upload_part, **part, **with_key(OTHER))[1]
    first = s3.upload_part(**part, **with_key(ONE))
    assert shown(first) == SHOWN
    source = {"CopySource": {"Bucket": bucket, "Key": "source"}, **upload, "PartNumber": 2}
    assert refusal(s3.upload_part_copy, **source, **with_key(ONE)) == (400, "InvalidRequest")
    second = s3.upload_part_copy(**source, **with_key(ONE), **with_key(OTHER, "CopySource"))
    assert shown(second) == SHOWN
    parts = [
        {"PartNumber": 1, "ETag": first["ETag"]},
        {"PartNumber": 2, "ETag": second["CopyPartResult"]["ETag"]},
    ]
    completion = {**upload, "MultipartUpload": {"Parts": parts}}
    wrong = refusal(s3.complete_multipart_upload, **completion, **with_key(OTHER))
    assert wrong == (400, "InvalidRequest")
    s3.complete_multipart_upload(**completion)
    assert refusal(s3.get_object, **target) == (400, "InvalidRequest")
    assert s3.get_object(**target, **with_key(ONE))["Body"].read() == b"a" * PART + b"b" * 10
    assert s3.get_object(**target, PartNumber=2, **with_key(ONE))["Body"].read() == b"b" * 10
    plain = s3.create_multipart_upload(**target)["UploadId"]
    sent = {**part, "UploadId": plain, **with_key(ONE)}
    assert "did not request encryption" in failure(s3.upload_part, **sent)[1]


def test_versions_have_keys_of_their_own_and_a_default_encryption_does_not_count(
    client: Client, bucket: str, role: Any
) -> None:
    s3, target = client("s3"), {"Bucket": bucket, "Key": "k"}
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    allow(s3, bucket, ApplyServerSideEncryptionByDefault=default)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    allowed = statement(["s3:PutObject", "s3:GetObject*"], f"arn:aws:s3:::{bucket}/*")
    own = client("s3", role(f"owns-{bucket}", allowed))  # and nothing of KMS
    versions = [own.put_object(**target, Body=b"x", **with_key(each))["VersionId"] for each in (ONE, OTHER)]
    assert shown(own.head_object(**target, VersionId=versions[0], **with_key(ONE))) == SHOWN
    assert refusal(own.head_object, **target, VersionId=versions[0], **with_key(OTHER))[0] == 403
    assert own.get_object(**target, **with_key(OTHER))["Body"].read() == b"x"
    begun = own.create_multipart_upload(**target, **with_key(ONE))
    assert shown(begun) == SHOWN
    part = {**target, "UploadId": begun["UploadId"], "PartNumber": 1, "Body": b"y"}
    assert own.upload_part(**part, **with_key(ONE))["ETag"]
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    client("iam").create_role(RoleName=f"runs-{bucket}", AssumeRolePolicyDocument=trust)
    function = {
        "FunctionName": bucket,
        "Role": f"arn:aws:iam::{ACCOUNT}:role/runs-{bucket}",
        "Runtime": "python3.12",
        "Handler": "m.h",
        "Code": {"S3Bucket": bucket, "S3Key": "k"},
    }
    assert failure(client("lambda").create_function, **function)[0] == "InvalidParameterValueException"


def test_a_bucket_blocks_customers_keys_until_it_is_set_to_allow_them(client: Client, bucket: str) -> None:
    s3, new = client("s3"), f"{bucket}-new"
    s3.create_bucket(Bucket=new)
    write = {"Bucket": new, "Key": "k", "Body": b"x"}
    for call, parameters in (
        (s3.put_object, write),
        (s3.create_multipart_upload, {"Bucket": new, "Key": "k"}),
        (s3.copy_object, {"Bucket": new, "Key": "k", "CopySource": {"Bucket": new, "Key": "source"}}),
    ):
        s3.put_object(Bucket=new, Key="source", Body=b"x")
        assert refusal(call, **parameters, **with_key(ONE)) == (403, "AccessDenied")
    allow(s3, new)
    (rule,) = s3.get_bucket_encryption(Bucket=new)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["NONE"]}
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    s3.put_object(**write, **with_key(ONE))
    allow(s3, new, "SSE-C", ApplyServerSideEncryptionByDefault={"SSEAlgorithm": "AES256"})
    (rule,) = s3.get_bucket_encryption(Bucket=new)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
    assert refusal(s3.put_object, **write, **with_key(ONE)) == (403, "AccessDenied")
    assert s3.get_object(Bucket=new, Key="k", **with_key(ONE))["Body"].read() == b"x"
    with pytest.raises(ClientError, match="MalformedXML"):
        allow(s3, new, "SSE-D")


def test_replicas_need_the_key_too(client: Client, bucket: str) -> None:
    s3, target = client("s3"), f"{bucket}-replica"
    s3.create_bucket(Bucket=target)
    for each in (bucket, target):
        s3.put_bucket_versioning(Bucket=each, VersioningConfiguration={"Status": "Enabled"})
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    iam, name = client("iam"), f"copies-{bucket}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(statement("s3:*", "*")))
    rule = {"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": f"arn:aws:s3:::{target}"}}
    configuration = {"Role": f"arn:aws:iam::{ACCOUNT}:role/{name}", "Rules": [rule]}
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration)
    s3.put_object(Bucket=bucket, Key="k", Body=b"blocked there", **with_key(ONE))
    assert s3.head_object(Bucket=bucket, Key="k", **with_key(ONE))["ReplicationStatus"] == "FAILED"
    allow(s3, target)
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret", **with_key(ONE))
    assert refusal(s3.get_object, Bucket=target, Key="k") == (400, "InvalidRequest")
    assert s3.get_object(Bucket=target, Key="k", **with_key(ONE))["Body"].read() == b"secret"


def test_no_file_of_the_cloud_has_the_key_and_a_restart_keeps_what_needs_it(tmp_path: Path) -> None:
    def s3_of(status: lifecycle.Status) -> Any:
        variables = lifecycle.environment(status)
        return boto3.client(
            "s3",
            endpoint_url=status.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    status = lifecycle.up(tmp_path, port=0)
    try:
        s3, target = s3_of(status), {"Bucket": "kept-keys", "Key": "k"}
        for name in ("kept-keys", "kept-logs"):
            s3.create_bucket(Bucket=name)
        allow(s3, "kept-keys")
        allowed = statement("s3:PutObject", "arn:aws:s3:::kept-logs/*")
        allowed["Principal"] = {"Service": "logging.s3.amazonaws.com"}
        s3.put_bucket_policy(Bucket="kept-logs", Policy=document(allowed))
        logging = {"LoggingEnabled": {"TargetBucket": "kept-logs", "TargetPrefix": ""}}
        s3.put_bucket_logging(Bucket="kept-keys", BucketLoggingStatus=logging)
        s3.put_object(**target, Body=b"secret", **with_key(ONE))
        s3.get_object(**target, **with_key(ONE))
        refusal(s3.get_object, **target, **with_key(OTHER))
        refusal(s3.put_object, **target, Body=b"x", **as_sent(ONE, md5(OTHER)))
        begun = s3.create_multipart_upload(**{**target, "Key": "u"}, **with_key(ONE))["UploadId"]
        administer(lifecycle.environment(status), "clock", advance=60)
        assert s3.list_objects_v2(Bucket="kept-logs")["KeyCount"] > 0
        entries = str(read_audit_log(status))
        lifecycle.down(tmp_path)
        status = lifecycle.up(tmp_path, port=0)
        s3 = s3_of(status)
        assert refusal(s3.get_object, **target) == (400, "InvalidRequest")
        assert refusal(s3.get_object, **target, **with_key(OTHER)) == (403, "AccessDenied")
        assert s3.get_object(**target, **with_key(ONE))["Body"].read() == b"secret"
        part = {**target, "Key": "u", "UploadId": begun, "PartNumber": 1, "Body": b"x"}
        assert refusal(s3.upload_part, **part) == (400, "InvalidRequest")
        assert s3.upload_part(**part, **with_key(ONE))["ETag"]
    finally:
        lifecycle.down(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {AUDIT_LOG, "snapshot"} <= {path.name for path in files}
    assert [path.name for path in files if b"kept-keys" in path.read_bytes()]  # what is there shows
    for secret in (ONE, OTHER):
        texts = (secret, base64.b64encode(secret), secret.hex().encode(), base64.b64encode(secret)[:-2])
        for text in texts:
            assert not [path for path in files if text in path.read_bytes()]
        assert base64.b64encode(secret).decode() not in entries
