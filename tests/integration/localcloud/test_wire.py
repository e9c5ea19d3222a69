"""What other SDKs than boto3 send, and calls that reach for another resource behind a parameter."""

from __future__ import annotations

import base64
import binascii
import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.localcloud import OPERATOR_ACCESS_KEY, lifecycle

from . import wire
from .conftest import ACCOUNT, Client, assume, document, operator_secret, statement

TRUSTS_LAMBDA = document(
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
)
CONTENT = [b"a" * 9000, b"b" * 5]


@pytest.fixture(scope="module")
def keys(service: lifecycle.Status) -> wire.Keys:
    return wire.Keys(OPERATOR_ACCESS_KEY, operator_secret(service))


@pytest.fixture(scope="module")
def bucket(client: Client) -> str:
    client("s3").create_bucket(Bucket="on-the-wire")
    return "on-the-wire"


def put_in_chunks(
    service: lifecycle.Status, keys: wire.Keys, kind: str, body: Any, **more: str
) -> tuple[int, bytes]:
    """Put an object whose body is made from the signature of its headers."""
    assert service.port is not None
    date = wire.stamp()
    scope = f"{date[:8]}/us-east-1/s3/aws4_request"
    headers = {
        "Host": f"127.0.0.1:{service.port}",
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(sum(map(len, CONTENT))),
        **more,
    }
    target = "/on-the-wire/chunked"
    signed = wire.by_header(keys, "s3", "PUT", target, headers, b"", date=date, payload=kind)
    seed = signed["authorization"].rpartition("Signature=")[2]
    return wire.send(service.port, "PUT", target, list(signed.items()), body(scope, date, seed))


CRC = base64.b64encode(binascii.crc32(b"".join(CONTENT)).to_bytes(4, "big")).decode()
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


@pytest.mark.parametrize("trailer", [None, {"x-amz-checksum-crc32": CRC}])
@pytest.mark.parametrize("changed", [False, True])
def test_signed_chunks_are_verified(
    trailer: dict[str, str] | None, changed: bool, service: Any, client: Client, bucket: str, keys: wire.Keys
) -> None:
    def body(scope: str, date: str, seed: str) -> bytes:
        content = wire.chunks(keys, scope, date, seed, CONTENT, trailer)
        return content.replace(b"bbbbb", b"bbbbc") if changed else content

    kind = f"{SIGNED}-TRAILER" if trailer else SIGNED
    more = {"x-amz-trailer": "x-amz-checksum-crc32"} if trailer else {}
    status, answer = put_in_chunks(service, keys, kind, body, **more)
    if changed:
        assert (status, b"SignatureDoesNotMatch" in answer) == (403, True)
        return
    assert status == 200, answer
    stored = client("s3").get_object(Bucket=bucket, Key="chunked")
    assert stored["Body"].read() == b"".join(CONTENT)
    assert "aws-chunked" not in stored.get("ContentEncoding", "")


def test_a_form_is_an_object_s_content_like_any_other(client: Client, bucket: str) -> None:
    s3 = client("s3")
    s3.put_object(
        Bucket=bucket, Key="form", Body=b"key=1&file=2", ContentType="application/x-www-form-urlencoded"
    )
    assert s3.get_object(Bucket=bucket, Key="form")["Body"].read() == b"key=1&file=2"


def test_an_upload_belongs_to_its_object(client: Client, role: Any, bucket: str) -> None:
    upload = client("s3").create_multipart_upload(Bucket=bucket, Key="secret")["UploadId"]
    attacker = client("s3", role("uploads-parts", statement("s3:*", f"arn:aws:s3:::{bucket}/mine")))
    part = {"Bucket": bucket, "Key": "mine", "UploadId": upload}
    with pytest.raises(ClientError, match="NoSuchUpload"):
        attacker.upload_part(**part, PartNumber=1, Body=b"x")
    with pytest.raises(ClientError, match="NoSuchUpload"):
        attacker.list_parts(**part)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        attacker.abort_multipart_upload(**part)


def test_a_ciphertext_goes_to_another_key_only_with_both_permissions(client: Client, role: Any) -> None:
    kms = client("kms")
    mine, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    blob = kms.encrypt(KeyId=mine, Plaintext=b"x")["CiphertextBlob"]
    one = client("kms", role("reencrypts-from", statement("kms:*", mine)))
    with pytest.raises(ClientError, match="kms:ReEncryptTo on resource"):
        one.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    both = role("reencrypts", statement("kms:ReEncryptFrom", mine), statement("kms:ReEncryptTo", other))
    answer = client("kms", both).re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    assert (answer["SourceKeyId"], answer["KeyId"]) == (mine, other)
    theirs = kms.encrypt(KeyId=other, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(ClientError, match="IncorrectKeyException"):
        one.decrypt(KeyId=mine, CiphertextBlob=theirs)


def test_a_session_of_a_session_lasts_an_hour_at_most(client: Client, role: Any) -> None:
    credentials = role("chains", statement("sts:AssumeRole", "*"), MaxSessionDuration=43_200)
    with pytest.raises(ClientError, match="1 hour session limit for roles assumed by role chaining"):
        client("sts", credentials).assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/chains", RoleSessionName="tests", DurationSeconds=3601
        )
    assert assume(lambda name: client(name, credentials), "chains", DurationSeconds=3600)
    assert assume(client, "chains", DurationSeconds=43_200)


def zipped(size: int = 1, *, encrypted: bool = False) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("app.py", b"x" * size)
    changed = bytearray(content.getvalue())
    changed[changed.index(b"PK\x01\x02") + 8] |= int(encrypted)
    return bytes(changed)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"x", "Could not unzip"),
        (lambda: zipped()[:-12], "Could not unzip"),
        (lambda: zipped(encrypted=True), "Could not unzip"),
        (lambda: zipped(262_144_000), "Unzipped size must be smaller than 262144000 bytes"),
    ],
    ids=["no zip", "cut off", "encrypted", "too large"],
)
def test_odd_code_of_a_function_is_refused(make: Callable[[], bytes], reason: str, client: Client) -> None:
    code = make()
    role = client("iam").create_role(RoleName=f"zip-{len(code)}", AssumeRolePolicyDocument=TRUSTS_LAMBDA)[
        "Role"
    ]
    with pytest.raises(ClientError, match=f"InvalidParameterValueException.*{reason}"):
        client("lambda").create_function(
            FunctionName="odd",
            Role=role["Arn"],
            Runtime="python3.12",
            Handler="app.handler",
            Code={"ZipFile": code},
        )


@pytest.mark.parametrize("depth", [100_000])
def test_a_document_that_is_nested_too_deep_is_the_caller_s_fault(
    depth: int, client: Client, bucket: str
) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    for call in (
        lambda: client("iam").create_policy(PolicyName="deep", PolicyDocument=deep),
        lambda: client("iam").create_role(RoleName="deep", AssumeRolePolicyDocument=deep),
        lambda: client("s3").put_bucket_policy(Bucket=bucket, Policy=deep),
        lambda: client("sqs").create_queue(QueueName="deep", Attributes={"Policy": deep}),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_another_user_of_the_machine_reads_neither_the_secret_nor_what_is_kept(
    service: lifecycle.Status,
) -> None:
    folder = Path(service.directory)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "operator-secret").stat().st_mode) == 0o600
    record = json.loads((folder / "service.json").read_text())
    assert operator_secret(service) not in json.dumps(record)
    for path in folder.rglob("*.log"):
        assert operator_secret(service) not in path.read_text()


def test_two_clouds_have_two_secrets(service: lifecycle.Status, tmp_path: Path) -> None:
    from kennel.localcloud import service_record

    assert service_record.operator_secret(tmp_path) == service_record.operator_secret(tmp_path)
    assert service_record.operator_secret(tmp_path) != operator_secret(service)
