"""Server access logs of S3: a bucket's requests arrive in its target, in S3's format, by the clock."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.localcloud import lifecycle
from kennel.localcloud.connection import administer

from .conftest import ACCOUNT, Client, document, refusal

SOURCE, TARGET = "logs-source", "logs-target"
FIELD = re.compile(r'\[[^]]*\]|"[^"]*"|\S+')
NAMES = [
    "owner",
    "bucket",
    "time",
    "address",
    "requester",
    "request",
    "operation",
    "key",
    "uri",
    "status",
    "error",
    "sent",
    "size",
    "total",
    "turnaround",
    "referer",
    "agent",
    "version",
    "host_id",
    "signature",
    "cipher",
    "authentication",
    "host",
    "tls",
    "access_point",
    "acl",
]
LETS_S3 = {
    "Effect": "Allow",
    "Principal": {"Service": "logging.s3.amazonaws.com"},
    "Action": "s3:PutObject",
    "Resource": f"arn:aws:s3:::{TARGET}/*",
    "Condition": {
        "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{SOURCE}"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    },
}


@pytest.fixture(scope="module")
def s3(client: Client) -> Iterator[Any]:
    s3 = client("s3")
    for bucket in (SOURCE, TARGET):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_policy(Bucket=TARGET, Policy=document(LETS_S3))
    return s3


def log_to(s3: Any, prefix: str, **more: Any) -> dict[str, Any]:
    enabled = {"TargetBucket": TARGET, "TargetPrefix": prefix, **more}
    s3.put_bucket_logging(Bucket=SOURCE, BucketLoggingStatus={"LoggingEnabled": enabled})
    return enabled


def delivered(s3: Any, service: lifecycle.Status, prefix: str) -> dict[str, list[dict[str, str]]]:
    """Return the lines of each log object, after a minute; a minute may end between two requests."""
    administer(lifecycle.environment(service), "clock", advance=60)
    objects = {}
    for item in s3.list_objects_v2(Bucket=TARGET, Prefix=prefix).get("Contents", []):
        text = s3.get_object(Bucket=TARGET, Key=item["Key"])["Body"].read().decode()
        lines = [FIELD.findall(line) for line in text.splitlines()]
        objects[item["Key"]] = [dict(zip(NAMES, line, strict=True)) for line in lines]
    return objects


def test_each_request_is_a_line(s3: Any, service: lifecycle.Status, client: Client) -> None:
    log_to(s3, "plain/")
    s3.put_object(Bucket=SOURCE, Key="a b", Body=b"12345")
    answer = s3.get_object(Bucket=SOURCE, Key="a b", Range="bytes=0-1")["ResponseMetadata"]
    assert refusal(s3.head_object, Bucket=SOURCE, Key="missing")[0] == 404
    assert refusal(s3.get_object, Bucket=SOURCE, Key="missing") == (404, "NoSuchKey")
    s3.get_bucket_versioning(Bucket=SOURCE)
    url = s3.generate_presigned_url("get_object", {"Bucket": SOURCE, "Key": "a b"})
    with urllib.request.urlopen(url) as response:
        assert response.read() == b"12345"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{service.endpoint_url}/{SOURCE}/a%20b")
    objects = delivered(s3, service, "plain/")
    for key in objects:
        assert re.fullmatch(r"plain/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}", key)
    lines = [line for each in objects.values() for line in each]
    shown = [(line["operation"], line["key"], line["status"], line["error"]) for line in lines]
    assert shown == [
        ("REST.PUT.LOGGING_STATUS", "-", "200", "-"),
        ("REST.PUT.OBJECT", "a%20b", "200", "-"),
        ("REST.GET.OBJECT", "a%20b", "206", "-"),
        ("REST.HEAD.OBJECT", "missing", "404", "-"),
        ("REST.GET.OBJECT", "missing", "404", "NoSuchKey"),
        ("REST.GET.VERSIONING", "-", "200", "-"),
        ("REST.GET.OBJECT", "a%20b", "200", "-"),
        ("REST.GET.OBJECT", "a%20b", "403", "AccessDenied"),
    ]
    part = lines[2]
    assert (part["sent"], part["size"], part["authentication"]) == ("2", "5", "AuthHeader")
    assert (part["request"], part["host_id"]) == (answer["RequestId"], answer["HostId"])
    assert lines[1]["size"] == "5"
    assert "Signature=REDACTED" in lines[6]["uri"]
    assert [line["authentication"] for line in lines[6:]] == ["QueryString", "-"]
    assert lines[7]["requester"] == "-"
    assert ":iam::" in lines[0]["requester"]


def test_a_log_s_key_is_put_together_as_it_is_set(s3: Any, service: lifecycle.Status) -> None:
    layout = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    enabled = log_to(s3, "parted/", TargetObjectKeyFormat=layout)
    assert s3.get_bucket_logging(Bucket=SOURCE)["LoggingEnabled"] == enabled
    keys = list(delivered(s3, service, "parted/"))
    day = r"(\d{4})/(\d\d)/(\d\d)/\1-\2-\3-00-00-00"
    assert re.fullmatch(f"parted/{ACCOUNT}/us-east-1/{SOURCE}/{day}-[0-9A-F]{{16}}", keys[0])


def test_nothing_is_delivered_where_the_target_does_not_let_s3(s3: Any, service: lifecycle.Status) -> None:
    log_to(s3, "denied/")
    s3.delete_bucket_policy(Bucket=TARGET)
    assert delivered(s3, service, "denied/") == {}
    with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
        log_to(s3, "refused/")
    s3.put_bucket_policy(Bucket=TARGET, Policy=document(LETS_S3))
    s3.put_bucket_logging(Bucket=SOURCE, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=SOURCE)
    assert delivered(s3, service, "denied/") == {}
