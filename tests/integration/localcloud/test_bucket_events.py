"""What buckets send to EventBridge: rules see what was done to objects, in AWS's words."""

from __future__ import annotations

import json
from typing import Any

from .conftest import ACCOUNT, Client, document, statement

BUCKET, QUEUE = "of-event-bridge", f"arn:aws:sqs:us-east-1:{ACCOUNT}:of-event-bridge"
MOST_WAITS = 10  # of two seconds


def received(sqs: Any, url: str, number: int) -> list[dict[str, Any]]:
    """Return the details of so many events, by their time."""
    events: list[dict[str, Any]] = []
    for _ in range(MOST_WAITS):
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        for message in answer.get("Messages", []):
            events.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if len(events) >= number:
            break
    return events


def test_rules_get_the_events_of_a_bucket_s_objects(client: Client) -> None:
    s3, sqs, events = client("s3"), client("sqs"), client("events")
    s3.create_bucket(Bucket=BUCKET)
    allow = statement("sqs:SendMessage", QUEUE, Principal={"Service": "events.amazonaws.com"})
    url = sqs.create_queue(QueueName=BUCKET, Attributes={"Policy": document(allow)})["QueueUrl"]
    pattern = {"source": ["aws.s3"], "detail": {"object": {"key": [{"prefix": "in/"}]}}}
    events.put_rule(Name=BUCKET, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=BUCKET, Targets=[{"Id": "q", "Arn": QUEUE}])
    s3.put_object(Bucket=BUCKET, Key="in/before", Body=b"1")
    notified = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notified)
    answer = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert answer["EventBridgeConfiguration"] == {}
    put = s3.put_object(Bucket=BUCKET, Key="in/a b", Body=b"12345")
    s3.put_object(Bucket=BUCKET, Key="out/k", Body=b"1")
    s3.copy_object(Bucket=BUCKET, Key="in/copy", CopySource=f"{BUCKET}/out/k")
    s3.put_object_tagging(Bucket=BUCKET, Key="in/a b", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object(Bucket=BUCKET, Key="in/copy")
    sent = {(each["detail-type"], each["detail"]["object"]["key"]): each for each in received(sqs, url, 4)}
    assert set(sent) == {
        ("Object Created", "in/a b"),
        ("Object Created", "in/copy"),
        ("Object Tags Added", "in/a b"),
        ("Object Deleted", "in/copy"),
    }
    created = sent["Object Created", "in/a b"]
    assert (created["source"], created["account"], created["region"]) == ("aws.s3", ACCOUNT, "us-east-1")
    assert created["resources"] == [f"arn:aws:s3:::{BUCKET}"]
    detail = created["detail"]
    assert detail["object"].pop("sequencer")
    assert detail == {
        "version": "0",
        "bucket": {"name": BUCKET},
        "object": {"key": "in/a b", "size": 5, "etag": put["ETag"].strip('"')},
        "request-id": put["ResponseMetadata"]["RequestId"],
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    assert sent["Object Created", "in/copy"]["detail"]["reason"] == "CopyObject"
    assert sent["Object Deleted", "in/copy"]["detail"]["deletion-type"] == "Permanently Deleted"
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=BUCKET)
    events.remove_targets(Rule=BUCKET, Ids=["q"])
    events.delete_rule(Name=BUCKET)


def test_other_notifications_are_shown_beside(client: Client) -> None:
    s3, sqs, bucket = client("s3"), client("sqs"), "of-two-kinds"
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{bucket}"
    allow = statement("sqs:SendMessage", queue, Principal={"Service": "s3.amazonaws.com"})
    sqs.create_queue(QueueName=bucket, Attributes={"Policy": document(allow)})
    s3.create_bucket(Bucket=bucket)
    rules = [{"Name": "prefix", "Value": "a"}, {"Name": "suffix", "Value": "b"}]
    given = {"Id": "i", "QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}
    queues = [{**given, "Filter": {"Key": {"FilterRules": rules}}}]
    notified = {"QueueConfigurations": queues, "EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notified)
    answer = s3.get_bucket_notification_configuration(Bucket=bucket)
    for rule in answer["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"]:
        rule["Name"] = rule["Name"].lower()
    assert {name: answer[name] for name in notified} == notified
