"""Browsers' uploads to S3: the forms that boto3 signs, sent by a plain HTTP client."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
import urllib3

from kennel.localcloud.protocol.checksums import digest_of

from .conftest import ACCOUNT, Client, document, statement

BUCKET = "uploads-by-form"
Form = dict[str, Any]


@pytest.fixture(scope="module")
def sign(client: Client, role: Callable[..., dict[str, str]]) -> Callable[..., Form]:
    """Sign forms as a role that may put objects below ``in/``."""
    client("s3").create_bucket(Bucket=BUCKET)
    keys = role("uploader", statement("s3:PutObject", f"arn:aws:s3:::{BUCKET}/in/*"))
    signers = {name: client("s3", keys, signature_version=name) for name in ("s3", "s3v4")}

    def make(key: str = "in/${filename}", version: str = "s3v4", **more: Any) -> Form:
        form: Form = signers[version].generate_presigned_post(BUCKET, key, **more)
        return form

    return make


def send(
    form: Form, content: bytes = b"a photo", filename: str = "a b.jpg", **fields: str
) -> urllib3.BaseHTTPResponse:
    parts: dict[str, Any] = {**form["fields"], **fields, "file": (filename, content, "image/jpeg")}
    return urllib3.request("POST", form["url"], fields=parts, redirect=False, retries=False)


def test_a_form_puts_an_object(client: Client, sign: Callable[..., Form]) -> None:
    fields = {"Content-Type": "image/jpeg", "x-amz-meta-dog": "Rex", "success_action_status": "201"}
    conditions = [
        ["starts-with", "$Content-Type", "image/"],
        {"x-amz-meta-dog": "Rex"},
        {"success_action_status": "201"},
        ["content-length-range", 1, 100],
    ]
    answer = send(sign(Fields=fields, Conditions=conditions))
    assert answer.status == 201, answer.data
    document = ElementTree.fromstring(answer.data)
    assert (document.findtext("Bucket"), document.findtext("Key")) == (BUCKET, "in/a b.jpg")
    stored = client("s3").get_object(Bucket=BUCKET, Key="in/a b.jpg")
    assert (stored["Body"].read(), stored["ContentType"]) == (b"a photo", "image/jpeg")
    assert (stored["Metadata"], stored["ETag"]) == ({"dog": "Rex"}, document.findtext("ETag"))
    for version in ("s3", "s3v4"):
        assert send(sign("in/plain", version)).status == 204
    page = "https://example.com/done?a=b"
    redirect = sign(Fields={"success_action_redirect": page}, Conditions=[{"success_action_redirect": page}])
    answer = send(redirect)
    assert answer.status == 303
    assert answer.headers["Location"].startswith(f"{page}&bucket={BUCKET}&key=in%2Fa+b.jpg&etag=")


@pytest.mark.parametrize("algorithm", ["CRC32C", "CRC64NVME"])
def test_a_form_s_checksum_is_compared(sign: Callable[..., Form], algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm.lower()}"
    value = base64.b64encode(digest_of(algorithm, [b"a photo"])).decode()
    fields = {"x-amz-checksum-algorithm": algorithm, name: value}
    form = sign(Fields=fields, Conditions=[{key: text} for key, text in fields.items()])
    answer = send(form)
    assert (answer.status, answer.headers[name]) == (204, value)
    answer = send(form, b"A photo")
    assert (answer.status, ElementTree.fromstring(answer.data).findtext("Code")) == (400, "BadDigest")


@pytest.mark.parametrize(
    ("options", "fields", "status", "code", "words"),
    [
        ({}, {"x-amz-meta-dog": "Rex"}, 403, "AccessDenied", "Extra input fields: x-amz-meta-dog"),
        ({}, {"key": "out/other"}, 403, "AccessDenied", "Policy Condition failed"),
        ({"Conditions": [["content-length-range", 0, 3]]}, {}, 400, "EntityTooLarge", "exceeds"),
        ({"Conditions": [["content-length-range", 50, 60]]}, {}, 400, "EntityTooSmall", "smaller"),
        ({"ExpiresIn": -1}, {}, 403, "AccessDenied", "Policy expired"),
        ({}, {"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch", "does not match"),
        ({}, {"policy": "e30="}, 403, "SignatureDoesNotMatch", "does not match"),
        ({"key": "out/x"}, {}, 403, "AccessDenied", "not authorized to perform: s3:PutObject"),
    ],
)
def test_a_form_that_its_policy_or_its_role_does_not_allow_is_refused(
    sign: Callable[..., Form], options: Form, fields: Form, status: int, code: str, words: str
) -> None:
    answer = send(sign(**options), **fields)
    document = ElementTree.fromstring(answer.data)
    assert (answer.status, document.findtext("Code")) == (status, code)
    assert words in str(document.findtext("Message"))


def test_a_form_s_policy_is_checked_after_the_name_of_the_file_is_put_in(sign: Callable[..., Form]) -> None:
    form = sign(Conditions=[["starts-with", "$key", "in/a"]])
    assert send(form, filename="a b.jpg").status == 204
    answer = send(form, filename="b.jpg")
    assert (answer.status, ElementTree.fromstring(answer.data).findtext("Code")) == (403, "AccessDenied")


def test_a_form_without_a_policy_is_anybody_s(sign: Callable[..., Form]) -> None:
    form = sign("in/x")
    answer = send({"url": form["url"], "fields": {"key": "in/x"}})
    assert (answer.status, ElementTree.fromstring(answer.data).findtext("Code")) == (403, "AccessDenied")
    document = json.loads(base64.b64decode(form["fields"]["policy"]))
    assert {"bucket": BUCKET} in document["conditions"]


def test_a_form_s_upload_is_an_event_of_its_own(client: Client, sign: Callable[..., Form]) -> None:
    sqs, s3, queue = client("sqs"), client("s3"), f"arn:aws:sqs:us-east-1:{ACCOUNT}:of-forms"
    allow = statement("sqs:SendMessage", queue, Principal={"Service": "s3.amazonaws.com"})
    url = sqs.create_queue(QueueName="of-forms", Attributes={"Policy": document(allow)})["QueueUrl"]
    notified = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:Post"]}]}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notified)
    assert send(sign("in/posted")).status == 204
    s3.put_object(Bucket=BUCKET, Key="in/put", Body=b"")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    bodies = [json.loads(message["Body"]) for message in messages]  # the first one is S3's test
    [record] = bodies[-1]["Records"]
    assert len(bodies) == 2
    assert (record["eventName"], record["s3"]["object"]["key"]) == ("ObjectCreated:Post", "in/posted")
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
