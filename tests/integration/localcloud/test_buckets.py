"""S3 as its callers see it: bucket policies, encryption keys, presigned and unsigned requests."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from kennel.localcloud import OPERATOR_ACCESS_KEY
from kennel.localcloud.connection import SDK_PLUGIN, connection

from .conftest import ACCOUNT, Client, document, operator_secret, statement

Role = Callable[..., dict[str, str]]
names = (f"bucket-role-{number}" for number in itertools.count())
buckets = (f"kennel-tests-{number}" for number in itertools.count())


@pytest.fixture
def bucket(client: Client) -> str:
    name = next(buckets)
    client("s3").create_bucket(Bucket=name)
    return name


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return str(caught.value.response["Error"]["Code"])


def fetch(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def principal_statement(
    principal: Any, action: Any, resource: Any, effect: str = "Allow", **more: Any
) -> str:
    return document({"Principal": principal, **statement(action, resource, effect, **more)})


def test_a_policy_that_demands_tls_lets_everybody_through_who_has_a_grant(
    client: Client, role: Role, bucket: str
) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    insecure = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    policy = principal_statement("*", "s3:*", [arn, f"{arn}/*"], "Deny", **insecure)
    s3 = client("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    granted = client("s3", role(next(names), statement("s3:GetObject", f"{arn}/*")))
    assert granted.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_a_bucket_policy_denies_even_the_operator_who_can_still_remove_it(
    client: Client, bucket: str
) -> None:
    s3 = client("s3")
    s3.put_bucket_policy(
        Bucket=bucket, Policy=principal_statement("*", "s3:*", f"arn:aws:s3:::{bucket}/*", "Deny")
    )
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"1") == "AccessDenied"
    s3.delete_bucket_policy(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")


def test_a_bucket_policy_grants_to_a_role_that_has_no_policy_of_its_own(
    client: Client, role: Role, bucket: str
) -> None:
    name = next(names)
    credentials = role(name)
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    reader = client("s3", credentials)
    assert refusal(reader.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{name}"}
    s3.put_bucket_policy(
        Bucket=bucket, Policy=principal_statement(principal, "s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    )
    assert reader.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_a_prefix_condition_limits_what_may_be_listed(client: Client, role: Role, bucket: str) -> None:
    condition = {"Condition": {"StringLike": {"s3:prefix": ["inbox/*"]}}}
    grant = statement("s3:ListBucket", f"arn:aws:s3:::{bucket}", **condition)
    s3 = client("s3", role(next(names), grant))
    assert s3.list_objects_v2(Bucket=bucket, Prefix="inbox/")["KeyCount"] == 0
    assert refusal(s3.list_objects_v2, Bucket=bucket, Prefix="outbox/") == "AccessDenied"
    assert refusal(s3.list_objects_v2, Bucket=bucket) == "AccessDenied"


def test_a_missing_object_is_missing_only_to_who_may_list(client: Client, role: Role, bucket: str) -> None:
    read = statement("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    listing = statement("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    assert (
        refusal(client("s3", role(next(names), read)).get_object, Bucket=bucket, Key="no") == "AccessDenied"
    )
    with pytest.raises(ClientError, match="NoSuchKey"):
        client("s3", role(next(names), read, listing)).get_object(Bucket=bucket, Key="no")


def test_each_key_of_a_multiple_deletion_needs_its_grant(client: Client, role: Role, bucket: str) -> None:
    for key in ("a/1", "b/1"):
        client("s3").put_object(Bucket=bucket, Key=key, Body=b"1")
    s3 = client("s3", role(next(names), statement("s3:DeleteObject", f"arn:aws:s3:::{bucket}/a/*")))
    both = {"Objects": [{"Key": "a/1"}, {"Key": "b/1"}]}
    assert refusal(s3.delete_objects, Bucket=bucket, Delete=both) == "AccessDenied"
    assert (
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/1"}]})["Deleted"][0]["Key"] == "a/1"
    )


def test_a_copy_reads_its_source(client: Client, role: Role, bucket: str) -> None:
    client("s3").put_object(Bucket=bucket, Key="from/a b+c", Body=b"1")
    put = statement("s3:PutObject", f"arn:aws:s3:::{bucket}/to/*")
    read = statement("s3:GetObject", f"arn:aws:s3:::{bucket}/from/*")
    copy = {"Bucket": bucket, "Key": "to/1", "CopySource": {"Bucket": bucket, "Key": "from/a b+c"}}
    assert refusal(client("s3", role(next(names), put)).copy_object, **copy) == "AccessDenied"
    client("s3", role(next(names), put, read)).copy_object(**copy)


@pytest.fixture
def encrypted(client: Client, bucket: str) -> tuple[str, str]:
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    client("s3").put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    return bucket, key


def test_an_encrypted_bucket_needs_the_key_to_write_and_to_read(
    client: Client, role: Role, encrypted: tuple[str, str]
) -> None:
    bucket, key = encrypted
    objects = statement(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    without = client("s3", role(next(names), objects))
    with pytest.raises(ClientError, match=f'kms:GenerateDataKey on resource: "{key}"'):
        without.put_object(Bucket=bucket, Key="k", Body=b"1")
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
    with pytest.raises(ClientError, match="kms:Decrypt"):
        without.get_object(Bucket=bucket, Key="k")
    through = {"Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}
    using = statement(["kms:Decrypt", "kms:GenerateDataKey"], key, **through)
    granted = client("s3", role(next(names), objects, using))
    granted.put_object(Bucket=bucket, Key="k", Body=b"2")
    assert granted.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    granted.upload_fileobj(io.BytesIO(b"3" * 9_000_000), bucket, "large")
    assert granted.head_object(Bucket=bucket, Key="large")["ContentLength"] == 9_000_000
    write_only = client("s3", role(next(names), objects, statement("kms:GenerateDataKey", key)))
    write_only.put_object(Bucket=bucket, Key="small", Body=b"4")
    upload = write_only.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    with pytest.raises(ClientError, match="kms:Decrypt"):
        write_only.upload_part(Bucket=bucket, Key="large", PartNumber=1, UploadId=upload, Body=b"5")


def test_a_key_policy_that_does_not_delegate_to_the_account_makes_grants_worthless(
    client: Client, role: Role, encrypted: tuple[str, str]
) -> None:
    bucket, key = encrypted
    name = next(names)
    credentials = role(name, statement("s3:PutObject", f"arn:aws:s3:::{bucket}/*"), statement("kms:*", key))
    nobody = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/somebody-else"}
    client("kms").put_key_policy(
        KeyId=key, PolicyName="default", Policy=principal_statement(nobody, "kms:*", "*")
    )
    with pytest.raises(ClientError, match="no resource-based policy allows the kms:GenerateDataKey action"):
        client("s3", credentials).put_object(Bucket=bucket, Key="k", Body=b"1")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_works_until_it_is_changed_or_expires(
    version: str, client: Client, bucket: str
) -> None:
    client("s3").put_object(Bucket=bucket, Key="a b/ü+c", Body=b"photo")
    s3 = client("s3", signature_version=version)
    photo = {"Bucket": bucket, "Key": "a b/ü+c"}
    url = s3.generate_presigned_url("get_object", Params=photo)
    assert fetch(url) == (200, b"photo")
    assert fetch(url.replace("a%20b", "a%20d"))[0] == 403
    status, body = fetch(s3.generate_presigned_url("get_object", Params=photo, ExpiresIn=-5))
    if version == "s3":
        assert (status, b"Request has expired" in body) == (403, True)
    else:
        assert (status, b"AuthorizationQueryParametersError" in body) == (400, True)


def test_a_presigned_url_of_a_session_has_the_session_s_rights(
    client: Client, role: Role, bucket: str
) -> None:
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
    grant = statement("s3:GetObject", f"arn:aws:s3:::{bucket}/k")
    s3 = client("s3", role(next(names), grant), signature_version="s3v4")
    assert fetch(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}))[0] == 200
    assert fetch(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x"}))[0] == 403


def test_nobody_reads_what_no_bucket_policy_opens(client: Client, bucket: str, service: Any) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    url = f"{service.endpoint_url}/{bucket}/k"
    assert fetch(url)[0] == 403
    s3.put_bucket_policy(
        Bucket=bucket, Policy=principal_statement("*", "s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    )
    assert fetch(url) == (200, b"1")
    closed = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=closed)
    assert fetch(url)[0] == 403


def test_public_policies_are_refused_where_the_bucket_or_the_account_blocks_them(
    client: Client, bucket: str, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    monkeypatch.syspath_prepend(str(SDK_PLUGIN.parent))
    for name, value in connection(service.endpoint_url).items():
        monkeypatch.setenv(name, value)
    s3, control = client("s3"), client("s3control")
    public = principal_statement("*", "s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.put_bucket_policy(Bucket=bucket, Policy=public)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    url = f"{service.endpoint_url}/{bucket}/k"
    assert fetch(url)[0] == 200
    whole = {"BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=whole)
    try:
        assert fetch(url)[0] == 403
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_bucket_policy(Bucket=bucket, Policy=public)
    finally:
        control.delete_public_access_block(AccountId=ACCOUNT)
    assert fetch(url)[0] == 200


def test_a_bucket_may_be_named_in_the_host(client: Client, bucket: str, service: Any) -> None:
    client("s3").put_object(Bucket=bucket, Key="k/1", Body=b"1")
    host = f"{bucket}.localhost:{service.port}"
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://localhost:{service.port}",
        region_name="us-east-1",
        aws_access_key_id=OPERATOR_ACCESS_KEY,
        aws_secret_access_key=operator_secret(service),
        config=Config(s3={"addressing_style": "virtual"}, signature_version="s3v4"),
    )
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k/1"})
    assert url.startswith(f"http://{host}/k/1?")
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    connection.request("GET", url.removeprefix(f"http://{host}"), headers={"Host": host})
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"1")


def test_a_policy_document_comes_back_as_it_was_put(client: Client, bucket: str) -> None:
    policy = principal_statement("*", "s3:*", f"arn:aws:s3:::{bucket}/*", "Deny")
    client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(client("s3").get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy)


def test_what_was_listed_is_still_there(client: Client, bucket: str) -> None:
    s3 = client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key="photo.jpg", Body=body)
    s3.delete_object(Bucket=bucket, Key="photo.jpg")
    for _ in range(3):
        listed = s3.list_object_versions(Bucket=bucket)
    assert [version["Size"] for version in listed["Versions"]] == [3, 3]
    assert {version["ETag"] for version in listed["Versions"]} == {
        f'"{hashlib.md5(body).hexdigest()}"' for body in (b"old", b"new")
    }
    assert [version["IsLatest"] for version in listed["DeleteMarkers"]] == [True]
    for version in listed["Versions"]:
        body = s3.get_object(Bucket=bucket, Key="photo.jpg", VersionId=version["VersionId"])["Body"].read()
        assert version["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'


@pytest.mark.parametrize(
    "key",
    ["100%.jpg", "%41", "a b+c.jpg", "犬-é.jpg", "/leading", "a/../b", "..", "q?r#s&t=u", "'\"<>", "\x01"],
)
def test_versions_are_listed_by_the_keys_that_were_written(client: Client, key: str) -> None:
    s3, bucket = client("s3"), next(buckets)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key=key)

    listed = s3.list_object_versions(Bucket=bucket)

    assert [version["Key"] for version in listed["Versions"] + listed["DeleteMarkers"]] == [key, key]
    for version in listed["Versions"] + listed["DeleteMarkers"]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=bucket)


def test_the_owner_of_a_bucket_pays_for_requests(client: Client) -> None:
    s3, bucket = client("s3"), next(buckets)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="\x01", Body=b"x")

    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"

    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("Analytics", {"StorageClassAnalysis": {}}),
        (
            "IntelligentTiering",
            {"Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]},
        ),
        (
            "Inventory",
            {
                "IsEnabled": True,
                "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::to", "Format": "ORC"}},
                "IncludedObjectVersions": "All",
                "Schedule": {"Frequency": "Daily"},
                "OptionalFields": ["Size"],
            },
        ),
        ("Metrics", {"Filter": {"Prefix": "documents/"}}),
    ],
)
def test_a_configuration_is_kept_with_its_bucket_and_deleted_without_it(
    client: Client, bucket: str, kind: str, details: dict[str, Any]
) -> None:
    def ask(method: str, **parameters: Any) -> Any:
        return s3._make_api_call(method, {"Bucket": bucket, **parameters})

    s3, configuration, member = client("s3"), {"Id": "a", **details}, f"{kind}Configuration"
    ask(f"PutBucket{member}", Id="a", **{member: configuration})
    assert ask(f"GetBucket{member}", Id="a")[member] == configuration
    assert ask(f"ListBucket{member}s")[f"{member}List"] == [configuration]

    ask(f"DeleteBucket{member}", Id="a")
    with pytest.raises(ClientError, match="NoSuchConfiguration"):
        ask(f"GetBucket{member}", Id="a")
    with pytest.raises(ClientError, match="NoSuchConfiguration"):
        ask(f"DeleteBucket{member}", Id="a")
    s3.head_bucket(Bucket=bucket)


def test_what_moto_takes_for_another_operation_is_refused(client: Client, bucket: str) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"content")
    for refused in (
        lambda: s3.rename_object(Bucket=bucket, Key="k", RenameSource=f"{bucket}/other"),
        lambda: s3.delete_bucket_metadata_configuration(Bucket=bucket),
        lambda: s3.delete_object_annotation(Bucket=bucket, Key="k", AnnotationName="a"),
        lambda: s3.get_object_torrent(Bucket=bucket, Key="k"),
        lambda: s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"}),
    ):
        with pytest.raises(ClientError, match="The local cloud has no "):
            refused()
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"]["Status"] == "Disabled"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


@pytest.mark.parametrize("account", [ACCOUNT, "210987654321"])
def test_access_logs_go_where_the_policy_lets_them(client: Client, bucket: str, account: str) -> None:
    s3, source = client("s3"), next(buckets)
    s3.create_bucket(Bucket=source)
    arn = f"arn:aws:s3:::{bucket}"
    grant = statement(
        "s3:PutObject", [f"{arn}/log/*"], Condition={"StringEquals": {"aws:SourceAccount": account}}
    )
    insecure = statement(
        "s3:*", [arn, f"{arn}/*"], "Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}
    )
    policy = document(
        {"Principal": "*", **insecure}, {"Principal": {"Service": "logging.s3.amazonaws.com"}, **grant}
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    logging = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "log/"}}
    if account == ACCOUNT:
        s3.put_bucket_logging(Bucket=source, BucketLoggingStatus=logging)
        assert s3.get_bucket_logging(Bucket=source)["LoggingEnabled"] == logging["LoggingEnabled"]
    else:
        with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
            s3.put_bucket_logging(Bucket=source, BucketLoggingStatus=logging)


def test_one_of_several_conditional_writes_succeeds(client: Client, bucket: str) -> None:
    clients = [client("s3") for _ in range(8)]

    def write(number: int) -> str:
        try:
            clients[number].put_object(Bucket=bucket, Key="k", Body=bytes(200_000), IfNoneMatch="*")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "written"

    with ThreadPoolExecutor(len(clients)) as pool:
        results = sorted(pool.map(write, range(len(clients))))
    assert results == ["PreconditionFailed"] * 7 + ["written"]


def test_a_copy_keeps_its_condition(client: Client, bucket: str) -> None:
    s3, source = client("s3"), f"{bucket}/from"
    s3.put_object(Bucket=bucket, Key="from", Body=b"1")
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource=source, IfNoneMatch="*")["CopyObjectResult"]
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"another"'}):
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.copy_object(Bucket=bucket, Key="to", CopySource=source, **condition)
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source, IfMatch=copied["ETag"])


def test_an_upload_in_parts_has_conditions_and_a_checksum(client: Client, bucket: str) -> None:
    s3 = client("s3")

    def upload(**conditions: str) -> dict[str, Any]:
        target = {"Bucket": bucket, "Key": "parts"}
        target["UploadId"] = s3.create_multipart_upload(**target, ChecksumAlgorithm="SHA256")["UploadId"]
        part = s3.upload_part(**target, PartNumber=1, Body=b"one", ChecksumAlgorithm="SHA256")
        parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]
        answer: dict[str, Any] = s3.complete_multipart_upload(
            **target, MultipartUpload={"Parts": parts}, **conditions
        )
        return answer

    def failure(**conditions: str) -> tuple[int, str]:
        with pytest.raises(ClientError) as caught:
            upload(**conditions)
        response = caught.value.response
        return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]

    assert failure(IfMatch='"none"') == (404, "NoSuchKey")
    answer = upload(IfNoneMatch="*")
    digest = hashlib.sha256(hashlib.sha256(b"one").digest()).digest()
    assert answer["ChecksumSHA256"] == f"{base64.b64encode(digest).decode()}-1"
    assert answer["ChecksumType"] == "COMPOSITE"
    head = s3.head_object(Bucket=bucket, Key="parts", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ETag"]) == (answer["ChecksumSHA256"], answer["ETag"])
    assert failure(IfNoneMatch="*") == (412, "PreconditionFailed")
    assert failure(IfMatch='"another"') == (412, "PreconditionFailed")
    assert failure(IfNoneMatch=answer["ETag"]) == (501, "NotImplemented")
    assert upload(IfMatch=answer["ETag"])["ETag"] == answer["ETag"]


def test_reads_and_copies_have_conditions(client: Client, bucket: str) -> None:
    s3, target = client("s3"), {"Bucket": bucket, "Key": "k"}
    etag = s3.put_object(**target, Body=b"x")["ETag"]
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": target}
    for call, parameters, status in (
        (s3.get_object, {**target, "IfMatch": '"another"'}, 412),
        (s3.get_object, {**target, "IfNoneMatch": etag}, 304),
        (s3.head_object, {**target, "IfNoneMatch": etag}, 304),
        (s3.put_object, {**target, "IfMatch": '"another"'}, 412),
        (s3.copy_object, {**copy, "CopySourceIfMatch": '"another"'}, 412),
        (s3.copy_object, {**copy, "CopySourceIfNoneMatch": etag}, 412),
    ):
        with pytest.raises(ClientError) as caught:
            call(**parameters)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert s3.get_object(**target, IfMatch=etag)["Body"].read() == b"x"
    s3.copy_object(**copy, CopySourceIfMatch=etag, MetadataDirective="REPLACE", Metadata={"a": "b"})


def test_listings_say_where_they_began(client: Client, bucket: str) -> None:
    s3 = client("s3")
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    listed = s3.list_objects(Bucket=bucket, Marker="a", MaxKeys=1)
    assert (listed["Marker"], [each["Key"] for each in listed["Contents"]]) == ("a", ["b"])
    first = s3.list_objects_v2(Bucket=bucket, MaxKeys=1, FetchOwner=False)
    assert "Owner" not in first["Contents"][0]
    token = first["NextContinuationToken"]
    following = s3.list_objects_v2(Bucket=bucket, ContinuationToken=token)
    assert following["ContinuationToken"] == token
    assert [each["Key"] for each in following["Contents"]] == ["b", "c"]
